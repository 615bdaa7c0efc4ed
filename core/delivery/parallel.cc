// See parallel.h.

#include "core/delivery/parallel.h"

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

namespace remex::delivery {

namespace {
constexpr std::size_t kMaxWaiting = 2000;

struct Runs {
  std::int64_t running = 0;
  std::deque<std::string> waiting;  ///< identifiers of messages
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
  const auto known = std::find(runs.waiting.begin(), runs.waiting.end(), id);
  turn.repeated = known != runs.waiting.end();
  if (limit > 0 && runs.running >= limit) {
    turn.place = static_cast<std::size_t>(known - runs.waiting.begin());
    turn.woken = wake && (turn.repeated || runs.waiting.size() < kMaxWaiting);
    if (turn.woken && !turn.repeated) runs.waiting.push_back(id);
    return std::nullopt;
  }
  if (turn.repeated) runs.waiting.erase(known);
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
  if (wake && !runs.waiting.empty()) {
    next = std::move(runs.waiting.front());
    runs.waiting.pop_front();
  }
  if (runs.running <= 0 && runs.waiting.empty()) all_runs().erase(it);
  if (!next.empty()) wake(next);
}

}  // namespace remex::delivery
