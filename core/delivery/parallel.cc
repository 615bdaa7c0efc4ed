// See parallel.h.

#include "core/delivery/parallel.h"

#include <map>
#include <utility>

#include "transports/waiting_line.h"

namespace remex::delivery {

namespace {
constexpr std::size_t kMaxWaiting = 2000;

struct Runs {
  std::int64_t running = 0;
  transports::WaitingLine waiting{kMaxWaiting};
};

/// By transport; those that nobody uses or waits for have no entry.
std::map<std::string, Runs>& all_runs() {
  static std::map<std::string, Runs> runs;
  return runs;
}
}  // namespace

std::function<void(const std::string&)> TransportRun::wake;

std::optional<TransportRun> TransportRun::begin(const std::string& transport, std::int64_t limit, const std::string& id,
                                                Turn& turn) {
  Runs& runs = all_runs()[transport];
  turn.place = runs.waiting.place(id);
  turn.repeated = turn.place < runs.waiting.size();
  if (limit > 0 && runs.running >= limit) {
    turn.woken = wake && runs.waiting.join(id);
    return std::nullopt;
  }
  runs.waiting.leave(id);
  ++runs.running;
  return TransportRun(transport);
}

TransportRun::TransportRun(TransportRun&& o) noexcept : transport_(std::exchange(o.transport_, {})) {}

TransportRun::~TransportRun() {
  if (transport_.empty()) return;
  const auto it = all_runs().find(transport_);
  if (it == all_runs().end()) return;
  Runs& runs = it->second;
  --runs.running;
  std::string next;
  if (wake && !runs.waiting.empty()) next = runs.waiting.next();
  if (runs.running <= 0 && runs.waiting.empty()) all_runs().erase(it);
  if (!next.empty()) wake(next);
}

}  // namespace remex::delivery
