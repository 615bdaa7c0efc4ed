// Waiting for descriptors: one edge-triggered epoll set nested in libuv's.
//
// A descriptor is registered once, at its first wait, for both directions; no system call is made per wait after that.
// The rule that makes edges safe: try the operation first, park only after EAGAIN. Private to core/io.
#pragma once

#include <cstdint>
#include <functional>

#include "core/base/result.h"
#include "core/io/scheduler.h"

namespace remex::io {

class Pollable {
 public:
  enum Direction { kRead = 0, kWrite = 1 };

  explicit Pollable(int fd) : fd_(fd) {}
  ~Pollable() { unregister(); }
  Pollable(const Pollable&) = delete;
  Pollable& operator=(const Pollable&) = delete;

  int fd() const { return fd_; }
  /// Parks until the descriptor may be ready. Regular files are always ready. Outside a fiber it blocks in poll().
  Status wait(Direction d, unsigned flags = kParkPlain);
  /// Leaves the epoll set and ends the waits of other fibers (kind closed). Before close().
  void unregister();
  /// Leaves the epoll set, closes the descriptor (once), ends waits.
  void close();
  /// Calls `fn` on the loop, outside any fiber, whenever the descriptor is readable (level-triggered).
  void watch(std::function<void()> fn);

  /// In the epoll set of the calling thread's loop.
  bool registered() const;

  void ready(std::uint32_t events);  // for the loop

 private:
  Status enroll(std::uint32_t events);

  int fd_;
  std::uint32_t loop_serial_ = 0;  // of the loop it is registered with, 0 = none
  bool always_ready_ = false;
  WaitNode* waiting_[2] = {nullptr, nullptr};
  std::unique_ptr<std::function<void()>> callback_;
};

/// Blocking poll of one descriptor until the deadline in force.
Status block_on(int fd, short events);
/// poll() without waiting.
bool ready_now(int fd, short events);

}  // namespace remex::io
