// The worker's side of submissions by users who may not write the spool: who calls is what the kernel says, what he
// hands over is bounded in size, number and time, and goes the way of any local submission (submission.h).
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>

#include "core/base/clock.h"
#include "core/daemon/process.h"
#include "core/io/fiber.h"
#include "core/io/stream.h"

namespace remex::daemon {

/// One in a worker, across reloads; loop thread only.
class SubmitService {
 public:
  static constexpr std::size_t kMost = 256;         ///< submissions at a time
  static constexpr std::size_t kMostOfOne = 64;     ///< of one user; root and the Exim user are not counted
  static constexpr Millis kRequestTime{10'000};     ///< for a request to arrive
  static constexpr Millis kInputTime{60'000};       ///< between two pieces of a message
  static constexpr Millis kMessageTime{600'000};    ///< for a whole message
  static constexpr Millis kDialogueTime{7200'000};  ///< for all of -bs and -bS
  static constexpr Millis kAnswerTime{10'000};      ///< for the outcome, or a line of it, to be taken
  static constexpr std::size_t kLists = 4;          ///< lists of the queue at a time, one of each user
  static constexpr Millis kListTime{60'000};        ///< for a list to have its turn; for it to be taken

  /// `by_root`: root started the daemon, so that the group of this process is the Exim group, and not any user's own.
  explicit SubmitService(bool by_root) : by_root_(by_root) {}
  /// Serves one caller from beginning to end. Parks; in a fiber of its own. `socket` may be closed afterwards.
  void serve(const std::shared_ptr<Process>& process, io::Socket& socket);

 private:
  /// Room for one more of this user's, as long as it lives.
  class Place;
  static constexpr Millis kTellTime{60'000};  ///< between two lines of the log about too many of them
  struct User {
    std::size_t here = 0;    ///< connections, with those that are told to come again
    std::size_t places = 0;  ///< submissions
    io::Semaphore list{1};
  };
  Instant tell_of_many_again_{}, tell_of_bad_again_{}, tell_of_accounts_again_{};
  bool by_root_;
  std::size_t all_ = 0;
  std::map<std::uint32_t, User> users_;  ///< that have a connection
  io::Semaphore lists_{kLists};
};

}  // namespace remex::daemon
