// The loop and the stack switch. The only file that jumps between stacks and tells the sanitizer about it.
//
// Fibers run from run_ready(), between turns of libuv; callbacks of libuv only make fibers ready. So no fiber code ever
// runs inside a libuv callback, and a fiber may destroy any handle.
#include "core/io/scheduler.h"
#include "core/io/current_fiber.h"

#include <cxxabi.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <atomic>
#include <boost/context/detail/fcontext.hpp>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/common_interface_defs.h>
#endif

namespace remex::io {
namespace {

namespace ctx = boost::context::detail;

thread_local LoopImpl* t_loop = nullptr;
constinit thread_local std::uint64_t t_turn = 1;
std::atomic<std::uint32_t> g_next_serial{1};

#ifdef __SANITIZE_ADDRESS__
constexpr std::size_t kStackFactor = 8;  // red zones make frames several times larger
#else
constexpr std::size_t kStackFactor = 1;
#endif
constexpr std::size_t kMainStack = 8u << 20;  // mapped, not used: configuration is compiled on it
constexpr std::uint64_t kIdleMs = 1000;
constexpr int kSweepAtOnce = 64;  // stacks trimmed in one turn: thousands of sessions that fall idle together...
constexpr std::uint64_t kSweepNextMs = 2;  // ...must not hold up a new one
constexpr std::uint32_t kBusyOps = 64;

void eh_save(EhGlobals& to) { std::memcpy(static_cast<void*>(&to), abi::__cxa_get_globals(), sizeof to); }
void eh_load(const EhGlobals& from) {
  std::memcpy(static_cast<void*>(abi::__cxa_get_globals()), static_cast<const void*>(&from), sizeof from);
}

void report_exception(const Fiber& f, const std::exception_ptr& e) {
  const char* what = "unknown exception";
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& ex) {
    std::fprintf(stderr, "fiber %s ended by an exception: %s\n", f.name.c_str(), ex.what());
    return;
  } catch (...) {
  }
  std::fprintf(stderr, "fiber %s ended by an exception: %s\n", f.name.c_str(), what);
}

void run_body(Fiber* f) {
  std::exception_ptr thrown;
  try {
    f->fn();
  } catch (...) {
    thrown = std::current_exception();
  }
  f->fn = nullptr;  // captured objects die on the fiber's own stack
  if (f->on_end) {
    f->on_end(thrown);
    f->on_end = nullptr;
  } else if (thrown) {
    report_exception(*f, thrown);
  }
}

void fiber_entry(ctx::transfer_t t) {
  auto* f = static_cast<Fiber*>(t.data);
  LoopImpl* l = t_loop;
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(nullptr, &l->loop_stack_bottom, &l->loop_stack_size);
#endif
  l->loop_context = t.fctx;
  run_body(f);
  f->ended = true;
  l->switch_out(f, true);
  std::abort();  // a dead fiber is never resumed
}

void on_deadline_timer(uv_timer_t* t) { static_cast<LoopImpl*>(t->data)->expire_deadlines(); }
void on_idle_timer(uv_timer_t* t) { static_cast<LoopImpl*>(t->data)->sweep_idle(); }
void on_async(uv_async_t* a) { static_cast<LoopImpl*>(a->data)->run_posted(); }

void close_if_open(uv_handle_t* h, void*) {
  if (!uv_is_closing(h)) uv_close(h, nullptr);
}

}  // namespace

LoopImpl* this_loop() { return t_loop; }
Fiber* this_fiber() { return t_loop == nullptr ? nullptr : t_loop->current; }
std::size_t stack_bytes(StackSize s) { return (s == StackSize::small ? 64u << 10 : 256u << 10) * kStackFactor; }

Error wake_error(Wake why) {
  switch (why) {
    case Wake::timed_out: return Error{ErrorKind::timed_out, "timed out", ETIMEDOUT};
    case Wake::closed: return Error{ErrorKind::closed, "closed by this side", 0};
    default: return Error{ErrorKind::cancelled, "cancelled", ECANCELED};
  }
}

WaitList::~WaitList() { wake_all(Wake::cancelled); }

bool WaitList::wake_one(Wake why) {
  if (empty()) return false;
  wake(*head_.next, why);
  return true;
}

LoopImpl::LoopImpl() {
  if (int rc = uv_loop_init(&uv); rc != 0) throw std::runtime_error(std::string("uv_loop_init: ") + uv_strerror(rc));
  serial = g_next_serial++;
  loop.uv_ = &uv;
  all.all_prev = all.all_next = &all;
  idle.idle_prev = idle.idle_next = &idle;
  uv_timer_init(&uv, &deadline_timer);
  uv_timer_init(&uv, &idle_timer);
  uv_async_init(&uv, &async, on_async);
  deadline_timer.data = idle_timer.data = async.data = this;
  t_loop = this;
}

LoopImpl::~LoopImpl() {
  {
    const std::lock_guard lock(posted_mutex);
    posted_open = false;
    posted.clear();
  }
  uv_walk(&uv, close_if_open, nullptr);
  uv_run(&uv, UV_RUN_DEFAULT);
  if (epoll_fd >= 0) ::close(epoll_fd);
  uv_loop_close(&uv);
  t_loop = nullptr;
}

Fiber* LoopImpl::start(std::string name, std::function<void()> fn, std::size_t bytes,
                       std::function<void(std::exception_ptr)> on_end) {
  auto f = std::make_unique<Fiber>();
  f->stack = stacks.take(bytes);
  f->name = std::move(name);
  f->fn = std::move(fn);
  f->on_end = std::move(on_end);
  f->cancelled = stopping;
  f->context = ctx::make_fcontext(f->stack.top(), f->stack.size, fiber_entry);
  f->all_prev = all.all_prev;
  f->all_next = &all;
  all.all_prev->all_next = f.get();
  all.all_prev = f.get();
  ++fiber_count;
  make_ready(f.get());
  return f.release();
}

void LoopImpl::destroy(Fiber* f) {
  f->all_prev->all_next = f->all_next;
  f->all_next->all_prev = f->all_prev;
  --fiber_count;
  stacks.give_back(f->stack);
  delete f;
}

void LoopImpl::make_ready(Fiber* f) {
  f->next_ready = nullptr;
  if (ready_tail != nullptr) {
    ready_tail->next_ready = f;
  } else {
    ready_head = f;
  }
  ready_tail = f;
  // libuv runs due timers before it polls: what they made ready must not wait for the poll's end (uv_stop makes the
  // poll return at once, and nothing else).
  if (polling) uv_stop(&uv);
}

void LoopImpl::resume(Fiber* f) {
  current = f;
  ++t_turn;
  f->busy_ops = 0;
  eh_save(loop_eh);
  eh_load(f->eh);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(&loop_fake_stack, f->stack.base, f->stack.size);
#endif
  const ctx::transfer_t t = ctx::jump_fcontext(f->context, f);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(loop_fake_stack, nullptr, nullptr);
#endif
  f->context = t.fctx;
  eh_save(f->eh);
  eh_load(loop_eh);
  current = nullptr;
  if (f->ended) destroy(f);
}

// Not inlined: the compiler must not carry addresses of thread-local data over the jump.
[[gnu::noinline]] void LoopImpl::switch_out([[maybe_unused]] Fiber* f, [[maybe_unused]] bool dying) {
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_start_switch_fiber(dying ? nullptr : &f->asan_fake_stack, loop_stack_bottom, loop_stack_size);
#endif
  const ctx::transfer_t t = ctx::jump_fcontext(loop_context, nullptr);
#ifdef __SANITIZE_ADDRESS__
  __sanitizer_finish_switch_fiber(f->asan_fake_stack, &loop_stack_bottom, &loop_stack_size);
#endif
  loop_context = t.fctx;
}

void LoopImpl::run_ready() {
  // Only those ready now: what they make ready waits for a turn of the poll, so that I/O is not starved.
  Fiber* const last = ready_tail;
  while (ready_head != nullptr) {
    Fiber* f = ready_head;
    ready_head = f->next_ready;
    if (ready_head == nullptr) ready_tail = nullptr;
    const bool was_last = f == last;
    resume(f);
    if (was_last) break;
  }
}

void LoopImpl::run(const bool& main_done) {
  for (;;) {
    run_ready();
    if (main_done) {
      if (fiber_count == 0) return;
      if (!stopping) cancel_all();
    }
    polling = true;
    uv_run(&uv, ready_head == nullptr ? UV_RUN_ONCE : UV_RUN_NOWAIT);
    polling = false;
  }
}

void LoopImpl::cancel(Fiber* f) {
  f->cancelled = true;
  if (f->wait != nullptr && !f->firm) wake(*f->wait, Wake::cancelled);
}

void LoopImpl::cancel_all() {
  stopping = true;
  for (Fiber* f = all.all_next; f != &all; f = f->all_next) cancel(f);
}

void LoopImpl::run_posted() {
  std::vector<std::function<void()>> batch;
  {
    const std::lock_guard lock(posted_mutex);
    batch.swap(posted);
  }
  for (auto& fn : batch) fn();
}

Status park(WaitNode& node, unsigned flags) {
  Fiber* f = this_fiber();
  if (f == nullptr) throw std::logic_error("a wait outside a fiber");
  LoopImpl* l = t_loop;
  f->firm = (flags & kParkFirm) != 0;
  if (!f->firm && (f->cancelled || (f->deadline != Instant::max() && f->deadline <= monotonic_now()))) {
    node.unlink();
    return std::unexpected(wake_error(f->cancelled ? Wake::cancelled : Wake::timed_out));
  }
  node.fiber = f;
  node.why = Wake::none;
  f->wait = &node;
  if (!f->firm && f->deadline != Instant::max()) l->heap_insert(f);
  if ((flags & kParkIdle) != 0) l->idle_add(f);
  l->switch_out(f, false);
  if (node.why == Wake::done) return {};
  return std::unexpected(wake_error(node.why));
}

void wake(WaitNode& node, Wake why) {
  node.unlink();
  Fiber* f = node.fiber;
  if (f == nullptr || f->wait != &node) return;
  node.why = why;
  f->wait = nullptr;
  if (f->heap_index != Fiber::kNoHeap) t_loop->heap_remove(f);
  if (f->in_idle_list) t_loop->idle_remove(f);
  t_loop->make_ready(f);
}

Status check_interrupt() {
  const Fiber* f = this_fiber();
  if (f != nullptr && f->cancelled) return std::unexpected(wake_error(Wake::cancelled));
  const Instant at = current_deadline();
  if (at != Instant::max() && at <= monotonic_now()) return std::unexpected(wake_error(Wake::timed_out));
  return {};
}

Status give_way() {
  Fiber* f = this_fiber();
  if (f == nullptr || ++f->busy_ops < kBusyOps) return {};
  yield_fiber();
  return check_interrupt();
}

void yield_fiber() {
  Fiber* f = this_fiber();
  if (f == nullptr) return;
  t_loop->make_ready(f);
  t_loop->switch_out(f, false);
}

// ---- deadlines: a binary heap of the fibers parked with one, and one timer for its top ----

void LoopImpl::heap_swap(std::size_t a, std::size_t b) {
  std::swap(heap[a], heap[b]);
  heap[a]->heap_index = a;
  heap[b]->heap_index = b;
}

void LoopImpl::heap_up(std::size_t i) {
  while (i > 0 && heap[i]->deadline < heap[(i - 1) / 2]->deadline) {
    heap_swap(i, (i - 1) / 2);
    i = (i - 1) / 2;
  }
}

void LoopImpl::heap_down(std::size_t i) {
  for (;;) {
    std::size_t least = i;
    for (std::size_t c = 2 * i + 1; c <= 2 * i + 2 && c < heap.size(); ++c) {
      if (heap[c]->deadline < heap[least]->deadline) least = c;
    }
    if (least == i) return;
    heap_swap(i, least);
    i = least;
  }
}

void LoopImpl::heap_insert(Fiber* f) {
  f->heap_index = heap.size();
  heap.push_back(f);
  heap_up(f->heap_index);
  if (f->deadline < timer_at) arm_deadline_timer();
}

void LoopImpl::heap_remove(Fiber* f) {
  const std::size_t i = f->heap_index;
  const std::size_t last = heap.size() - 1;
  if (i != last) heap_swap(i, last);
  heap.pop_back();
  f->heap_index = Fiber::kNoHeap;
  if (i < heap.size()) {
    heap_up(i);
    heap_down(i);
  }
  // The timer may now be too early; it then finds nothing to do and arms itself again.
}

void LoopImpl::arm_deadline_timer() {
  if (heap.empty()) {
    timer_at = Instant::max();
    uv_timer_stop(&deadline_timer);
    return;
  }
  timer_at = heap[0]->deadline;
  const auto left = std::chrono::ceil<Millis>(timer_at - monotonic_now()).count();
  uv_update_time(&uv);
  uv_timer_start(&deadline_timer, on_deadline_timer, left > 0 ? static_cast<std::uint64_t>(left) : 0, 0);
}

void LoopImpl::expire_deadlines() {
  const Instant now = monotonic_now();
  while (!heap.empty() && heap[0]->deadline <= now) wake(*heap[0]->wait, Wake::timed_out);
  arm_deadline_timer();
}

// ---- idle fibers: their dirty stack pages are given back once per wait ----

void LoopImpl::idle_add(Fiber* f) {
  f->idle_since = uv_now(&uv);
  f->idle_prev = idle.idle_prev;
  f->idle_next = &idle;
  idle.idle_prev->idle_next = f;
  idle.idle_prev = f;
  f->in_idle_list = true;
  if (!uv_is_active(reinterpret_cast<uv_handle_t*>(&idle_timer)))
    uv_timer_start(&idle_timer, on_idle_timer, kIdleMs, kIdleMs);
}

void LoopImpl::idle_remove(Fiber* f) {
  f->idle_prev->idle_next = f->idle_next;
  f->idle_next->idle_prev = f->idle_prev;
  f->in_idle_list = false;
}

void LoopImpl::sweep_idle() {
  const std::uint64_t now = uv_now(&uv);
  const auto due = [&] { return idle.idle_next != &idle && idle.idle_next->idle_since + kIdleMs <= now; };
  for (int i = 0; i < kSweepAtOnce && due(); ++i) {
    Fiber* f = idle.idle_next;
    idle_remove(f);
    StackPool::trim(f->stack, f->context);
  }
  if (idle.idle_next == &idle)
    uv_timer_stop(&idle_timer);
  else
    uv_timer_start(&idle_timer, on_idle_timer, due() ? kSweepNextMs : kIdleMs, kIdleMs);
}

// ---- the public face of the loop ----

Loop& Loop::current() {
  if (t_loop == nullptr) throw std::logic_error("no event loop in this thread");
  return t_loop->loop;
}

bool Loop::exists() { return t_loop != nullptr; }

void Loop::stop() { t_loop->cancel_all(); }

std::size_t Loop::fibers() const { return t_loop->fiber_count; }

bool in_fiber() { return this_fiber() != nullptr; }
const void* current_fiber() { return this_fiber(); }
std::uint64_t current_turn() { return t_turn; }
void next_turn() { ++t_turn; }

int run_loop(std::function<int()> main) {
  if (t_loop != nullptr) throw std::logic_error("run_loop inside run_loop");
  ::signal(SIGPIPE, SIG_IGN);  // a peer that went away is an error of the write, not the end of the process
  int result = 0;
  bool main_done = false;
  std::exception_ptr thrown;
  {
    LoopImpl l;
    l.start(
        "main", [&] { result = main(); }, kMainStack,
        [&](std::exception_ptr e) {
          thrown = std::move(e);
          main_done = true;
        });
    l.run(main_done);
  }
  if (thrown) std::rethrow_exception(thrown);
  return result;
}

void post(Loop& loop, std::function<void()> fn) {
  // Loop is the first member of LoopImpl.
  auto* l = reinterpret_cast<LoopImpl*>(&loop);
  const std::lock_guard lock(l->posted_mutex);
  if (!l->posted_open) return;
  l->posted.push_back(std::move(fn));
  if (l->posted.size() == 1) uv_async_send(&l->async);
}

}  // namespace remex::io
