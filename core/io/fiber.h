// Fibers on the event loop: straight-line code that parks instead of blocking.
//
// One Loop per process (thread). A fiber belongs to one loop; no lock may be held across a wait, no
// thread_local reference kept across a wait, no wait inside a catch block, no big buffers on a fiber's stack.
// Every wait has a deadline: the one in force for the fiber (DeadlineScope), which nests by taking the earlier.
// Cancellation is cooperative: a parked wait completes with ErrorKind::cancelled or timed_out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "core/base/clock.h"
#include "core/base/result.h"

struct uv_loop_s;

namespace remex::io {

class Fiber;  // private to core/io
struct WaitNode;

/// The event loop of the calling thread. Made by `run_loop`.
class Loop {
 public:
  /// The loop of the calling thread; throws std::logic_error when there is none.
  static Loop& current();
  static bool exists();
  uv_loop_s* uv() { return uv_; }
  /// Asks `run_loop` to return after the running fibers were cancelled and joined.
  void stop();
  /// Fibers alive now (running, ready or parked).
  std::size_t fibers() const;

 private:
  friend struct LoopImpl;
  uv_loop_s* uv_ = nullptr;
};

/// Runs `main` as the first fiber of a new loop in this thread and returns its result when it ended and all
/// fibers it started were joined (leaked ones are cancelled, then joined). Exit code convention is the caller's.
int run_loop(std::function<int()> main);

enum class StackSize : std::uint8_t { small, large };  ///< 64 KiB / 256 KiB, guard page below

/// What an exception that leaves a fiber does. `fatal`: it ends the process (abort, after a line on stderr), for fibers
/// that others wait for or rely on; whoever watches the process starts it again. `report`: the line, and an error for
/// join().
enum class OnThrow : std::uint8_t { report, fatal };

/// A set of fibers that is joined before its owner's block ends. Destructor cancels and joins.
class Nursery {
 public:
  explicit Nursery(OnThrow on_throw = OnThrow::report);
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;
  /// Starts `fn` as a fiber; it runs at the next turn of the loop. `name` is for diagnostics. Throws std::bad_alloc,
  /// and then there is no fiber.
  void spawn(std::string name, std::function<void()> fn, StackSize stack = StackSize::large);
  /// Parks until all are finished (or the caller is cancelled / out of time).
  Status join();
  void cancel_all();
  std::size_t size() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Inside its scope every wait of this fiber ends at `deadline` at the latest (kind timed_out). Nests.
class DeadlineScope {
 public:
  explicit DeadlineScope(Instant deadline);
  explicit DeadlineScope(Millis from_now) : DeadlineScope(monotonic_now() + from_now) {}
  ~DeadlineScope();
  DeadlineScope(const DeadlineScope&) = delete;
  DeadlineScope& operator=(const DeadlineScope&) = delete;

 private:
  Instant saved_;
};
/// The deadline in force (Instant::max() when none).
Instant current_deadline();

/// Parks for `d`. Error: cancelled, timed_out (an outer deadline came first).
Status sleep_for(Millis d);
/// Lets other ready fibers run.
void yield_fiber();
/// True on a fiber's stack (so waiting is possible).
bool in_fiber();
/// A number that changes whenever this thread may have waited: a fiber went on, or next_turn() was called. Two equal
/// numbers: nothing outside the thread was heard in between, so what it knows of the outside is as fresh as it was.
/// Only meaningful on a fiber.
std::uint64_t current_turn();
/// For code that waits without parking (reading standard input in a command-line mode): says that it did.
void next_turn();
/// The error a wait would return right now (cancelled, timed_out), without waiting. For long computations.
Status check_interrupt();

/// One-shot or repeated wake-up flag between fibers of one loop.
class Event {
 public:
  Event();
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void set();  ///< wakes all waiters; stays set
  void clear();
  bool is_set() const { return set_; }
  Status wait();
  /// As wait(), but neither the deadline nor a cancellation ends it: only for what comes soon in any case.
  void wait_firm();

 private:
  bool set_ = false;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Counting semaphore between fibers of one loop (FIFO).
class Semaphore {
 public:
  explicit Semaphore(std::size_t n);
  ~Semaphore();
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  Status acquire();
  bool try_acquire();
  void release();
  std::size_t available() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Runs `fn` on the thread pool (16 threads) and parks until it is done. The job must own all it touches; it cannot
/// be cancelled, so this waits for it even past the deadline. Outside a fiber it runs `fn` in place.
void offload_void(std::function<void()> fn);
template <class F>
auto offload(F&& fn) -> std::invoke_result_t<F> {
  using R = std::invoke_result_t<F>;
  if constexpr (std::is_void_v<R>) {
    offload_void(std::forward<F>(fn));
  } else {
    std::unique_ptr<R> out;
    offload_void([&] { out = std::make_unique<R>(fn()); });
    return std::move(*out);
  }
}

/// Calls `fn` on the loop thread soon, from any thread.
void post(Loop& loop, std::function<void()> fn);

/// Calls `handler` in a fresh fiber each time the signal arrives. Lives as long as the object: no call begins after it.
class SignalWatch {
 public:
  SignalWatch(int signum, std::function<void()> handler);
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace remex::io
