// max_parallel: how many runs of a transport are under way. One count for the process; the loop's thread only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace remex::delivery {

/// A run of a transport that counts for as long as it lives.
class TransportRun {
 public:
  /// Nothing: `limit` runs are under way. A limit of 0 is none.
  static std::optional<TransportRun> begin(const std::string& transport, std::int64_t limit);
  TransportRun(TransportRun&& o) noexcept;
  TransportRun& operator=(TransportRun&&) = delete;
  ~TransportRun();

 private:
  explicit TransportRun(std::string transport) : transport_(std::move(transport)) {}
  std::string transport_;  ///< empty: moved from
};

}  // namespace remex::delivery
