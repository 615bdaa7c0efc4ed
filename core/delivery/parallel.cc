// See parallel.h.

#include "core/delivery/parallel.h"

#include <map>
#include <utility>

namespace remex::delivery {

namespace {
/// Runs under way, by transport; those of none have no entry.
std::map<std::string, std::int64_t>& running() {
  static std::map<std::string, std::int64_t> runs;
  return runs;
}
}  // namespace

std::optional<TransportRun> TransportRun::begin(const std::string& transport, std::int64_t limit) {
  const auto known = running().find(transport);
  if (limit > 0 && known != running().end() && known->second >= limit) return std::nullopt;
  ++running()[transport];
  return TransportRun(transport);
}

TransportRun::TransportRun(TransportRun&& o) noexcept : transport_(std::exchange(o.transport_, {})) {}

TransportRun::~TransportRun() {
  if (transport_.empty()) return;
  const auto known = running().find(transport_);
  if (known != running().end() && --known->second <= 0) running().erase(known);
}

}  // namespace remex::delivery
