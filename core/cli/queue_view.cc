// See queue_view.h.

#include "core/cli/queue_view.h"

#include <fmt/core.h>

#include <algorithm>

#include "core/base/clock.h"
#include "core/base/strings.h"

namespace remex::cli {

std::string age_text(std::int64_t seconds) {
  const std::int64_t minutes = (seconds + 30) / 60;
  if (minutes < 90) return fmt::format("{:2}m", minutes);
  const std::int64_t hours = (minutes + 30) / 60;
  if (hours <= 72) return fmt::format("{:2}h", hours);
  return fmt::format("{:2}d", (hours + 12) / 24);
}

std::string size_text(std::uint64_t n) {
  if (n < 1024) return fmt::format("{:5}", n);
  if (n < 10 * 1024) return fmt::format("{:4.1f}K", static_cast<double>(n) / 1024.0);
  if (n < 1024 * 1024) return fmt::format("{:4}K", (n + 512) / 1024);
  if (n < 10 * 1024 * 1024) return fmt::format("{:4.1f}M", static_cast<double>(n) / (1024.0 * 1024.0));
  return fmt::format("{:4}M", (n + 512 * 1024) / (1024 * 1024));
}

std::string span_text(std::int64_t seconds) {
  seconds = std::max<std::int64_t>(0, seconds);
  if (seconds < 60) return fmt::format("{}s", seconds);
  const std::int64_t minutes = seconds / 60, hours = minutes / 60, days = hours / 24;
  if (hours == 0) return fmt::format("{}m", minutes);
  if (days == 0) return minutes % 60 == 0 ? fmt::format("{}h", hours) : fmt::format("{}h{}m", hours, minutes % 60);
  return hours % 24 == 0 ? fmt::format("{}d", days) : fmt::format("{}d{}h", days, hours % 24);
}

std::string queue_entry(const store::QueueEntry& e, std::int64_t now, Recipients which) {
  std::string out =
      fmt::format("{} {} {} <{}>", age_text(now - e.received), size_text(e.size), e.id, printable(e.sender));
  if (e.frozen) out += " *** frozen ***";
  if (e.damaged) out += " damaged";
  out += '\n';
  for (const auto& r : e.recipients)
    if (!r.done || which != Recipients::undelivered)
      out += fmt::format("        {} {}\n", r.done ? "D" : " ", printable(r.address));
  if (which == Recipients::generated)
    for (const auto& c : e.children) out += fmt::format("       +D {}\n", printable(c));
  out += '\n';
  return out;
}

}  // namespace remex::cli
