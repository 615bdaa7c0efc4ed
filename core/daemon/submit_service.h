// The worker's side of submissions by users who may not write the spool: who calls is what the kernel says, what he
// hands over is bounded in size, number and time, and goes the way of any local submission (submission.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "core/base/clock.h"
#include "core/daemon/process.h"
#include "core/io/stream.h"

namespace remex::daemon {

/// One in a worker, across reloads; loop thread only.
class SubmitService {
 public:
  static constexpr std::size_t kMost = 256;       ///< submissions at a time
  static constexpr std::size_t kMostOfOne = 64;   ///< of one user; root and the Exim user are not counted
  static constexpr Millis kRequestTime{10'000};   ///< for a request to arrive
  static constexpr Millis kInputTime{60'000};     ///< between two pieces of a message
  static constexpr Millis kMessageTime{600'000};  ///< for a whole message
  static constexpr Millis kAnswerTime{10'000};    ///< for the outcome to be taken

  /// `by_root`: root started the daemon, so that the group of this process is the Exim group, and not any user's own.
  explicit SubmitService(bool by_root) : by_root_(by_root) {}
  /// Serves one caller from beginning to end. Parks; in a fiber of its own. `socket` may be closed afterwards.
  void serve(const std::shared_ptr<Process>& process, io::Socket& socket);

 private:
  /// Room for one more of this user's, as long as it lives.
  class Place;
  static constexpr Millis kTellTime{60'000};  ///< between two lines of the log about too many of them
  Instant tell_again_{};
  bool by_root_;
  std::size_t all_ = 0;
  std::map<std::uint32_t, std::size_t> of_user_;
};

}  // namespace remex::daemon
