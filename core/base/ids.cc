// Message ids: seconds, process and microseconds in base 62. One atomic clock per process keeps them unique and
// increasing whatever the wall clock does; the process id keeps processes of a host apart.
#include "core/base/ids.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex {
namespace {

constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::uint64_t kMicros = 1'000'000;

int digit_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  if (c >= 'a' && c <= 'z') return c - 'a' + 36;
  return -1;
}

}  // namespace

std::string base62(std::uint64_t n, int width) {
  std::string out;
  do {
    out += kDigits[n % 62];
    n /= 62;
  } while (n != 0);
  while (out.size() < static_cast<std::size_t>(std::max(width, 0))) out += '0';
  std::reverse(out.begin(), out.end());
  return out;
}

std::string new_message_id() {
  static std::atomic<std::uint64_t> last{0};
  const auto now = static_cast<std::uint64_t>(wall_now().time_since_epoch().count());
  std::uint64_t seen = last.load(std::memory_order_relaxed);
  std::uint64_t mine = 0;
  do {
    mine = std::max(now, seen + 1);
  } while (!last.compare_exchange_weak(seen, mine, std::memory_order_relaxed));
  std::string id = base62(mine / kMicros, 6);
  id += '-';
  id += base62(static_cast<std::uint64_t>(::getpid()), 11);
  id += '-';
  id += base62(mine % kMicros, 4);
  return id;
}

bool is_message_id(std::string_view s) {
  std::size_t second_dash = 0;
  if (s.size() == 23) {
    second_dash = 18;
  } else if (s.size() == 16) {
    second_dash = 13;
  } else {
    return false;
  }
  for (std::size_t i = 0; i < s.size(); ++i) {
    const bool dash = i == 6 || i == second_dash;
    if (dash ? s[i] != '-' : digit_value(s[i]) < 0) return false;
  }
  return true;
}

std::int64_t message_id_seconds(std::string_view id) {
  if (!is_message_id(id)) return 0;
  std::int64_t seconds = 0;
  for (const char c : id.substr(0, 6)) seconds = seconds * 62 + digit_value(c);
  return seconds;
}

std::int64_t message_id_process(std::string_view id) {
  if (!is_message_id(id)) return 0;
  std::int64_t pid = 0;
  for (const char c : id.substr(7, id.rfind('-') - 7)) pid = pid * 62 + digit_value(c);
  return pid;
}

}  // namespace remex
