// max_parallel: how many runs of a transport are under way, and which messages wait for a place. One count for the
// process; the loop's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace remex::delivery {

/// A run of a transport that counts for as long as it lives. Its end wakes the message that has waited longest.
class TransportRun {
 public:
  /// What a message without a place is told.
  struct Turn {
    std::size_t place = 0;  ///< how many wait before it
    bool woken = false;     ///< it will be told when there is a place; else it has to ask again
    bool repeated = false;  ///< it was waiting already
  };
  /// Nothing: `limit` runs are under way, and `id` is among those that wait. A limit of 0 is none.
  static std::optional<TransportRun> begin(const std::string& transport, std::int64_t limit, const std::string& id,
                                           Turn& turn);
  /// Delivers a message now; the daemon sets it while it can, other processes have none.
  static std::function<void(const std::string& id)> wake;
  TransportRun(TransportRun&& o) noexcept;
  TransportRun& operator=(TransportRun&&) = delete;
  ~TransportRun();

 private:
  explicit TransportRun(std::string transport) : transport_(std::move(transport)) {}
  std::string transport_;  ///< empty: moved from
};

}  // namespace remex::delivery
