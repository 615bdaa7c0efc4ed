// The inside of the event loop: fibers, parked waits, deadlines. Private to core/io.
//
// A wait is a WaitNode on the waiting fiber's stack. Exactly one of wake(done), the deadline or a cancellation
// completes it; completing unlinks it from whatever list it waits in, so nobody can wake it twice.
#pragma once

#include <uv.h>

#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "core/io/fiber.h"
#include "core/io/stack_pool.h"

namespace remex::io {

enum class Wake : std::uint8_t { none, done, timed_out, cancelled, closed };

struct WaitNode {
  Fiber* fiber = nullptr;
  WaitNode* prev = nullptr;
  WaitNode* next = nullptr;
  Wake why = Wake::none;

  WaitNode() = default;
  ~WaitNode() { unlink(); }
  WaitNode(const WaitNode&) = delete;
  WaitNode& operator=(const WaitNode&) = delete;
  void unlink() {
    if (prev == nullptr) return;
    prev->next = next;
    next->prev = prev;
    prev = next = nullptr;
  }
};

/// FIFO of waits; a ring through a sentinel.
class WaitList {
 public:
  WaitList() { head_.prev = head_.next = &head_; }
  ~WaitList();
  void push(WaitNode& n) {
    n.prev = head_.prev;
    n.next = &head_;
    head_.prev->next = &n;
    head_.prev = &n;
  }
  bool empty() const { return head_.next == &head_; }
  /// Completes the oldest wait; false when there is none.
  bool wake_one(Wake why = Wake::done);
  void wake_all(Wake why = Wake::done) {
    while (wake_one(why)) {
    }
  }

 private:
  WaitNode head_;
};

/// Exception state of the C++ runtime, which is per thread and must be per fiber.
struct EhGlobals {
  void* caught = nullptr;
  unsigned int uncaught = 0;
};

class Fiber {
 public:
  void* context = nullptr;  // saved stack pointer
  Stack stack;
  std::function<void()> fn;
  std::string name;
  Instant deadline = Instant::max();
  WaitNode* wait = nullptr;  // set while parked
  std::size_t heap_index = kNoHeap;
  Fiber* next_ready = nullptr;
  Fiber* all_prev = nullptr;
  Fiber* all_next = nullptr;
  Fiber* idle_prev = nullptr;
  Fiber* idle_next = nullptr;
  std::uint64_t idle_since = 0;                    // ms of the loop's clock
  std::function<void(std::exception_ptr)> on_end;  // runs on the fiber's stack, last
  EhGlobals eh;
  void* asan_fake_stack = nullptr;
  std::uint32_t busy_ops = 0;  // I/O done since it last gave way
  bool cancelled = false;
  bool firm = false;  // this wait ignores deadline and cancellation
  bool in_idle_list = false;
  bool ended = false;

  static constexpr std::size_t kNoHeap = static_cast<std::size_t>(-1);
};

/// How a wait may be treated.
enum ParkFlags : unsigned {
  kParkPlain = 0,
  kParkIdle = 1,  ///< may last: unused stack pages are given back after a second
  kParkFirm = 2,  ///< neither deadline nor cancellation ends it
};

/// Parks the running fiber until `node` is completed. Throws std::logic_error outside a fiber.
Status park(WaitNode& node, unsigned flags = kParkPlain);
/// Completes a parked wait; no effect on one that was completed already.
void wake(WaitNode& node, Wake why = Wake::done);
/// Called after each operation that did not have to wait: gives way now and then, so that a fast peer can
/// neither starve the others nor outrun its deadline.
Status give_way();

struct LoopImpl {
  Loop loop;
  uv_loop_t uv{};
  std::uint32_t serial = 0;  // differs for every loop of the process
  StackPool stacks;
  Fiber* current = nullptr;
  Fiber* ready_head = nullptr;
  Fiber* ready_tail = nullptr;
  Fiber all;  // sentinel of all living fibers
  std::size_t fiber_count = 0;
  std::vector<Fiber*> heap;  // by deadline
  uv_timer_t deadline_timer{};
  Instant timer_at = Instant::max();
  Fiber idle;  // sentinel: parked idle, oldest first
  uv_timer_t idle_timer{};
  bool polling = false;  ///< inside uv_run
  bool stopping = false;
  uv_async_t async{};
  std::mutex posted_mutex;
  std::vector<std::function<void()>> posted;
  bool posted_open = true;
  int epoll_fd = -1;  // see pollable.cc
  uv_poll_t epoll_watch{};
  void* loop_context = nullptr;
  EhGlobals loop_eh;
  void* loop_fake_stack = nullptr;
  const void* loop_stack_bottom = nullptr;
  std::size_t loop_stack_size = 0;

  LoopImpl();
  ~LoopImpl();
  void run(const bool& main_done);
  Fiber* start(std::string name, std::function<void()> fn, std::size_t stack_bytes,
               std::function<void(std::exception_ptr)> on_end);
  void make_ready(Fiber* f);
  void cancel(Fiber* f);
  void cancel_all();

  // internals
  void run_ready();
  void resume(Fiber* f);
  void switch_out(Fiber* f, bool dying);
  void destroy(Fiber* f);
  void heap_insert(Fiber* f);
  void heap_remove(Fiber* f);
  void heap_swap(std::size_t a, std::size_t b);
  void heap_up(std::size_t i);
  void heap_down(std::size_t i);
  void arm_deadline_timer();
  void expire_deadlines();
  void idle_add(Fiber* f);
  void idle_remove(Fiber* f);
  void sweep_idle();
  void run_posted();
};

/// The loop of this thread or null.
LoopImpl* this_loop();
/// Null when not on a fiber.
Fiber* this_fiber();
std::size_t stack_bytes(StackSize s);
Error wake_error(Wake why);

}  // namespace remex::io
