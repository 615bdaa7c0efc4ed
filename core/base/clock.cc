// Wall clock, its printed forms, and Exim's time intervals. Any thread may ask for the time; set_timezone belongs to
// start-up. Formatting never fails; parsing says false.
#include "core/base/clock.h"

#include <ctime>

#include <atomic>
#include <cstdlib>
#include <limits>
#include <string_view>

#include <fmt/format.h>

#include "core/base/strings.h"

namespace remex {
namespace {

std::atomic<std::int64_t> wall_offset_us{0};
std::atomic<bool> use_gmtime{false};

constexpr std::string_view kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::string_view kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Floor, so that instants before the epoch and their microseconds agree.
std::int64_t seconds_of(WallTime t) { return std::chrono::floor<std::chrono::seconds>(t.time_since_epoch()).count(); }

std::tm broken_down(WallTime t) {
  const std::time_t seconds = seconds_of(t);
  std::tm tm{};
  if (use_gmtime.load(std::memory_order_relaxed)) {
    ::gmtime_r(&seconds, &tm);
  } else {
    ::localtime_r(&seconds, &tm);
  }
  return tm;
}

std::string offset_text(const std::tm& tm) {
  const long minutes = tm.tm_gmtoff / 60;
  const long magnitude = minutes < 0 ? -minutes : minutes;
  return fmt::format("{}{:02}{:02}", minutes < 0 ? '-' : '+', magnitude / 60, magnitude % 60);
}

struct Unit {
  char letter;
  std::int64_t seconds;
};
constexpr Unit kUnits[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};

}  // namespace

WallTime wall_now() {
  const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
  return now + std::chrono::microseconds(wall_offset_us.load(std::memory_order_relaxed));
}

std::int64_t wall_seconds() { return seconds_of(wall_now()); }

void set_wall_offset(std::chrono::microseconds offset) { wall_offset_us.store(offset.count()); }

std::string log_timestamp(WallTime t) {
  // Every log line of a second has the same stamp; localtime_r takes a lock and costs more than the rest of the line.
  struct Last {
    std::int64_t second = std::numeric_limits<std::int64_t>::min();
    bool gmt = false;
    std::string text;
  };
  thread_local Last last;
  const std::int64_t second = seconds_of(t);
  const bool gmt = use_gmtime.load(std::memory_order_relaxed);
  if (second != last.second || gmt != last.gmt) {
    const std::tm tm = broken_down(t);
    last.text = fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
                            tm.tm_hour, tm.tm_min, tm.tm_sec);
    last.second = second;
    last.gmt = gmt;
  }
  return last.text;
}

std::string log_timestamp_millis(WallTime t) {
  const auto micros = t.time_since_epoch().count() - seconds_of(t) * 1'000'000;
  return fmt::format("{}.{:03}", log_timestamp(t), micros / 1000);
}

std::string rfc5322_date(WallTime t) {
  const std::tm tm = broken_down(t);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} {}", kDays[tm.tm_wday], tm.tm_mday, kMonths[tm.tm_mon],
                     tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec, offset_text(tm));
}

std::string zone_offset(WallTime t) { return offset_text(broken_down(t)); }

void set_timezone(const std::string& tz) {
  use_gmtime.store(iequals(tz, "UTC"));
  if (tz.empty()) {
    ::unsetenv("TZ");
  } else {
    ::setenv("TZ", tz.c_str(), 1);
  }
  ::tzset();
}

bool parse_interval(std::string_view s, std::int64_t& seconds) {
  if (s.empty()) return false;
  std::int64_t total = 0;
  while (!s.empty()) {
    std::size_t digits = 0;
    while (digits < s.size() && is_digit(s[digits])) ++digits;
    const auto number = parse_int(s.substr(0, digits));
    if (!number || digits == s.size()) return false;  // no digits, too many, or no unit after them
    std::int64_t unit = 0;
    for (const Unit& u : kUnits) {
      if (u.letter == s[digits]) unit = u.seconds;
    }
    std::int64_t part = 0;
    if (unit == 0 || __builtin_mul_overflow(*number, unit, &part) || __builtin_add_overflow(total, part, &total)) {
      return false;
    }
    s.remove_prefix(digits + 1);
  }
  seconds = total;
  return true;
}

std::string format_interval(std::int64_t seconds) {
  if (seconds == 0) return "0s";
  // Unsigned, so that the smallest value has a magnitude.
  auto rest = static_cast<std::uint64_t>(seconds);
  std::string out;
  if (seconds < 0) {
    out = "-";
    rest = 0 - rest;
  }
  for (const Unit& u : kUnits) {
    const auto size = static_cast<std::uint64_t>(u.seconds);
    if (rest >= size) out += fmt::format("{}{}", rest / size, u.letter);
    rest %= size;
  }
  return out;
}

}  // namespace remex
