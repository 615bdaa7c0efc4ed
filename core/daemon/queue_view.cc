// See queue_view.h.

#include "core/daemon/queue_view.h"

#include <fmt/core.h>

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "core/base/clock.h"
#include "core/base/ids.h"
#include "core/base/strings.h"

namespace remex::daemon {

namespace {
constexpr std::size_t kPiece = 60000;  ///< octets of a listing
}

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

Status list_queue(store::Store& store, const SubmitRequest& request, bool everything, const std::string& login,
                  const std::function<Status(std::string_view)>& out) {
  const auto has = [&request](char c) { return request.list_kind.find(c) != std::string::npos; };
  const Recipients which = has('u') ? Recipients::undelivered : has('a') ? Recipients::generated : Recipients::all;
  for (const auto& id : request.arguments)
    if (!is_message_id(id)) return fail(fmt::format("malformed message id {} after -bp option", printable(id)));
  if (has('c') && !everything)
    return fail("permission denied: -bpc is for admin users (root, exim_user, admin_groups)");
  const std::unordered_set<std::string_view> asked(request.arguments.begin(), request.arguments.end());
  std::size_t number = 0;
  const auto wanted = [&](const store::QueueEntry& e) {
    if (e.queue_name != request.queue_name || (!everything && (e.login.empty() || e.login != login))) return false;
    ++number;
    return !has('c') && (asked.empty() || asked.contains(e.id));
  };
  REMEX_TRY(const auto list, store.list(!everything || (!has('i') && !has('c')), wanted));
  if (has('c')) return out(fmt::format("{}\n", number));
  const std::int64_t now = wall_seconds();
  std::string text;
  const auto add = [&](const std::string& more) {
    text += more;
    return text.size() > kPiece ? out(std::exchange(text, {})) : Status();
  };
  const auto shown = [&](const store::QueueEntry& e) { return has('i') ? e.id + "\n" : queue_entry(e, now, which); };
  if (request.arguments.empty())
    for (const auto& e : list) REMEX_CHECK(add(shown(e)));
  std::unordered_map<std::string_view, const store::QueueEntry*> by_id;
  if (!request.arguments.empty())
    for (const auto& e : list) by_id.emplace(e.id, &e);
  for (const std::string& id : request.arguments) {
    const auto found = by_id.find(id);
    REMEX_CHECK(add(found != by_id.end()
                        ? shown(*found->second)
                        : fmt::format("      {}\n    *** spool read error: No such file or directory ***\n\n", id)));
  }
  REMEX_CHECK(out(text));
  if (const std::string damage = store.take_damage(); !damage.empty()) return fail(ErrorKind::defer, damage);
  return {};
}

}  // namespace remex::daemon
