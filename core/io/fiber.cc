// What fibers share: nurseries, deadlines, events, semaphores, signals. Built on park() and wake().
#include "core/io/fiber.h"

#include <fmt/format.h>
#include <poll.h>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <unordered_set>

#include "core/io/scheduler.h"

namespace remex::io {
namespace {

// The deadline of code that runs outside fibers (command-line modes without a loop).
thread_local Instant t_plain_deadline = Instant::max();

Instant& deadline_slot() {
  Fiber* f = this_fiber();
  return f != nullptr ? f->deadline : t_plain_deadline;
}

std::string describe(const std::exception_ptr& e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& ex) {
    return ex.what();
  } catch (...) {
    return "unknown exception";
  }
}

}  // namespace

struct Nursery::Impl {
  std::unordered_set<Fiber*> children;
  WaitList joiners;
  Status first_error;
  OnThrow on_throw = OnThrow::report;

  /// Room for one more, so that what follows cannot throw.
  static std::unordered_set<Fiber*>::node_type make_place(std::unordered_set<Fiber*>& all) {
    if (all.size() + 1 >= all.bucket_count()) all.reserve(2 * all.size() + 8);
    std::unordered_set<Fiber*> one{nullptr};
    return one.extract(one.begin());
  }

  void ended(Fiber* f, const std::exception_ptr& thrown) {
    if (thrown && on_throw == OnThrow::fatal) {
      std::fprintf(stderr, "remex: %s ended by an exception; this process cannot go on\n", f->name.c_str());
      std::abort();
    }
    if (thrown) {
      const std::string text = fmt::format("fiber {} ended by an exception: {}", f->name, describe(thrown));
      std::fprintf(stderr, "%s\n", text.c_str());
      if (first_error) first_error = fail(text);
    }
    children.erase(f);
    if (children.empty()) joiners.wake_all();
  }
};

Nursery::Nursery(OnThrow on_throw) : impl_(std::make_unique<Impl>()) { impl_->on_throw = on_throw; }

Nursery::~Nursery() {
  if (impl_->children.empty()) return;
  cancel_all();
  while (!impl_->children.empty()) {
    WaitNode node;
    impl_->joiners.push(node);
    (void)park(node, kParkFirm);
  }
}

void Nursery::spawn(std::string name, std::function<void()> fn, StackSize stack) {
  LoopImpl* l = this_loop();
  if (l == nullptr) throw std::logic_error("Nursery::spawn without an event loop");
  Impl* impl = impl_.get();
  auto on_end = [impl, l](const std::exception_ptr& e) { impl->ended(l->current, e); };
  auto place = Impl::make_place(impl->children);
  place.value() = l->start(std::move(name), std::move(fn), stack_bytes(stack), std::move(on_end));
  impl->children.insert(std::move(place));
}

Status Nursery::join() {
  while (!impl_->children.empty()) {
    WaitNode node;
    impl_->joiners.push(node);
    REMEX_CHECK(park(node, kParkIdle));
  }
  return std::exchange(impl_->first_error, Status{});
}

void Nursery::cancel_all() {
  for (Fiber* f : impl_->children) this_loop()->cancel(f);
}

std::size_t Nursery::size() const { return impl_->children.size(); }

DeadlineScope::DeadlineScope(Instant deadline) : saved_(deadline_slot()) {
  if (deadline < saved_) deadline_slot() = deadline;
}

DeadlineScope::~DeadlineScope() { deadline_slot() = saved_; }

Instant current_deadline() { return deadline_slot(); }

Status sleep_for(Millis d) {
  if (!in_fiber()) {
    const Instant end = monotonic_now() + d;
    const Instant until = std::min(end, t_plain_deadline);
    while (monotonic_now() < until) {
      const auto left = std::chrono::ceil<Millis>(until - monotonic_now()).count();
      ::poll(nullptr, 0, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    }
    if (until < end) return std::unexpected(wake_error(Wake::timed_out));
    return {};
  }
  const Instant end = monotonic_now() + d;
  const bool mine = end < current_deadline();
  const DeadlineScope scope(end);
  WaitNode node;
  Status st = park(node, kParkIdle);
  if (mine && !st && st.error().kind == ErrorKind::timed_out) return {};
  return st;
}

struct Event::Impl {
  WaitList waiters;
};

Event::Event() : impl_(std::make_unique<Impl>()) {}
Event::~Event() = default;

void Event::set() {
  set_ = true;
  impl_->waiters.wake_all();
}

void Event::clear() { set_ = false; }

Status Event::wait() {
  if (set_) return {};
  WaitNode node;
  impl_->waiters.push(node);
  return park(node, kParkIdle);
}

void Event::wait_firm() {
  if (set_) return;
  WaitNode node;
  impl_->waiters.push(node);
  (void)park(node, kParkFirm);
}

struct Semaphore::Impl {
  std::size_t count;
  WaitList waiters;
};

Semaphore::Semaphore(std::size_t n) : impl_(new Impl{n, {}}) {}
Semaphore::~Semaphore() = default;

Status Semaphore::acquire() {
  if (try_acquire()) return {};
  WaitNode node;
  impl_->waiters.push(node);
  return park(node, kParkIdle);  // release() hands its unit to the waiter it wakes
}

bool Semaphore::try_acquire() {
  if (impl_->count == 0 || !impl_->waiters.empty()) return false;
  --impl_->count;
  return true;
}

void Semaphore::release() {
  if (!impl_->waiters.wake_one()) ++impl_->count;
}

std::size_t Semaphore::available() const { return impl_->count; }

struct SignalWatch::Impl {
  uv_signal_t handle{};
  std::uint32_t loop_serial = 0;
  std::shared_ptr<std::function<void()>> handler;  ///< empty when the watch has ended: its owner may be gone
};

SignalWatch::SignalWatch(int signum, std::function<void()> handler) : impl_(std::make_unique<Impl>()) {
  LoopImpl* l = this_loop();
  if (l == nullptr) throw std::logic_error("SignalWatch without an event loop");
  impl_->handler = std::make_shared<std::function<void()>>(std::move(handler));
  impl_->loop_serial = l->serial;
  uv_signal_init(&l->uv, &impl_->handle);
  impl_->handle.data = impl_.get();
  uv_unref(reinterpret_cast<uv_handle_t*>(&impl_->handle));
  auto on_signal = [](uv_signal_t* h, int num) {
    auto run = [handler = static_cast<Impl*>(h->data)->handler] {
      if (const auto fn = *handler) fn();
    };
    this_loop()->start(fmt::format("signal {}", num), std::move(run), stack_bytes(StackSize::large), {});
  };
  if (int rc = uv_signal_start(&impl_->handle, on_signal, signum); rc != 0) {
    throw std::logic_error(fmt::format("cannot watch signal {}: {}", signum, uv_strerror(rc)));
  }
}

SignalWatch::~SignalWatch() {
  *impl_->handler = nullptr;
  const LoopImpl* l = this_loop();
  if (l == nullptr || l->serial != impl_->loop_serial) return;  // the loop closed the handle when it ended
  uv_close(reinterpret_cast<uv_handle_t*>(&impl_->handle), [](uv_handle_t* h) { delete static_cast<Impl*>(h->data); });
  (void)impl_.release();
}

}  // namespace remex::io
