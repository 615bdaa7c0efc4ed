// RFC 5322 date parsing: one pass over at most 256 octets, no locale, no mktime. See date.h.
#include "core/mail/date.h"

#include <array>
#include <chrono>

#include "core/base/strings.h"

namespace remex::mail {
namespace {

/// Cuts words off a date text; blanks and (nested) comments separate.
class Words {
 public:
  explicit Words(std::string_view s) : s_(s.substr(0, 256)) {}
  std::string_view next() {
    int depth = 0;
    while (!s_.empty() && (depth > 0 || is_space(s_[0]) || s_[0] == '(' || s_[0] == ',')) {
      if (s_[0] == '(') ++depth;
      if (s_[0] == ')') --depth;
      s_.remove_prefix(1);
    }
    std::size_t n = 0;
    while (n < s_.size() && !is_space(s_[n]) && s_[n] != '(' && s_[n] != ',') ++n;
    const std::string_view word = s_.substr(0, n);
    s_.remove_prefix(n);
    return word;
  }

 private:
  std::string_view s_;
};

std::optional<int> number(std::string_view s, std::size_t min_digits, std::size_t max_digits) {
  if (s.size() < min_digits || s.size() > max_digits) return std::nullopt;
  int n = 0;
  for (char c : s) {
    if (!is_digit(c)) return std::nullopt;
    n = n * 10 + (c - '0');
  }
  return n;
}

std::optional<unsigned> month_number(std::string_view s) {
  static constexpr std::array<std::string_view, 12> kNames{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  for (unsigned i = 0; i < kNames.size(); ++i) {
    if (iequals(s, kNames[i])) return i + 1;
  }
  return std::nullopt;
}

/// Seconds east of Greenwich. An unknown name means "-0000" (RFC 5322 4.3).
std::optional<int> zone_seconds(std::string_view z) {
  if (z.size() == 5 && (z[0] == '+' || z[0] == '-')) {
    const auto n = number(z.substr(1), 4, 4);
    if (!n || *n % 100 > 59) return std::nullopt;
    const int seconds = (*n / 100) * 3600 + (*n % 100) * 60;
    return z[0] == '-' ? -seconds : seconds;
  }
  struct Named {
    std::string_view name;
    int hours;
  };
  static constexpr std::array<Named, 8> kNamed{
      {{"EST", -5}, {"EDT", -4}, {"CST", -6}, {"CDT", -5}, {"MST", -7}, {"MDT", -6}, {"PST", -8}, {"PDT", -7}}};
  for (const Named& n : kNamed) {
    if (iequals(z, n.name)) return n.hours * 3600;
  }
  for (char c : z) {
    if (!is_alpha(c)) return std::nullopt;
  }
  return 0;
}

/// "03:36" or "03:36:18" as seconds of the day; a leap second counts as the next second.
std::optional<int> time_of_day(std::string_view s) {
  const auto parts = split(s, ':');
  if (parts.size() < 2 || parts.size() > 3) return std::nullopt;
  const auto h = number(parts[0], 1, 2), m = number(parts[1], 2, 2);
  const auto sec = parts.size() == 3 ? number(parts[2], 2, 2) : std::optional<int>(0);
  if (!h || !m || !sec || *h > 23 || *m > 59 || *sec > 60) return std::nullopt;
  return *h * 3600 + *m * 60 + *sec;
}

}  // namespace

std::optional<std::int64_t> parse_rfc5322_date(std::string_view text) {
  Words words(text);
  std::string_view word = words.next();
  if (!word.empty() && !is_digit(word[0])) word = words.next();  // weekday
  const auto day = number(word, 1, 2);
  const auto month = month_number(words.next());
  const std::string_view year_text = words.next();
  auto year = number(year_text, 2, 4);
  const auto seconds = time_of_day(words.next());
  const auto zone = zone_seconds(words.next());
  if (!day || !month || !year || !seconds || !zone) return std::nullopt;
  if (year_text.size() == 2) *year += *year < 50 ? 2000 : 1900;
  if (year_text.size() == 3) *year += 1900;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(*month),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(days).count() + *seconds - *zone;
}

}  // namespace remex::mail
