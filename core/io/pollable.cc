// The nested epoll set (see pollable.h). It is made at the first wait, so that a mode without I/O pays nothing.
#include "core/io/pollable.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <stdexcept>

#include "core/io/stream.h"

namespace remex::io {
namespace {

void on_epoll(uv_poll_t* h, int, int) {
  auto* l = static_cast<LoopImpl*>(h->data);
  // What does not fit is reported at the next turn: libuv's own set is level-triggered.
  std::array<epoll_event, 512> events;
  const int n = ::epoll_wait(l->epoll_fd, events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < n; ++i) {
    const epoll_event& e = events[static_cast<std::size_t>(i)];
    static_cast<Pollable*>(e.data.ptr)->ready(e.events);
  }
}

Status open_epoll(LoopImpl& l) {
  if (l.epoll_fd >= 0) return {};
  const int fd = ::epoll_create1(EPOLL_CLOEXEC);
  if (fd < 0) return fail_errno(errno, "epoll_create1");
  if (int rc = uv_poll_init(&l.uv, &l.epoll_watch, fd); rc != 0) {
    ::close(fd);
    return fail_errno(-rc, "uv_poll_init");
  }
  l.epoll_fd = fd;
  l.epoll_watch.data = &l;
  uv_poll_start(&l.epoll_watch, UV_READABLE, on_epoll);
  return {};
}

}  // namespace

Status Pollable::enroll(std::uint32_t events) {
  LoopImpl* l = this_loop();
  if (loop_serial_ == l->serial || always_ready_) return {};
  REMEX_CHECK(open_epoll(*l));
  epoll_event e{};
  e.events = events;
  e.data.ptr = this;
  if (::epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd_, &e) != 0) {
    if (errno != EPERM) return fail_errno(errno, "epoll_ctl");
    always_ready_ = true;  // a regular file
    return {};
  }
  loop_serial_ = l->serial;
  return {};
}

Status Pollable::wait(Direction d, unsigned flags) {
  if (fd_ < 0) return std::unexpected(wake_error(Wake::closed));
  if (!in_fiber()) return block_on(fd_, d == kRead ? POLLIN : POLLOUT);
  REMEX_CHECK(enroll(EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET));
  if (always_ready_) return give_way();
  if (waiting_[d] != nullptr) throw std::logic_error("two fibers wait for the same descriptor");
  WaitNode node;
  waiting_[d] = &node;
  Status st = park(node, flags);
  // The Pollable may be gone by now when another fiber closed it; the node tells.
  if (node.why != Wake::closed) waiting_[d] = nullptr;
  return st;  // NOLINT(clang-analyzer-core.StackAddressEscape): close() has taken the node out
}

void Pollable::ready(std::uint32_t events) {
  if (callback_) {
    (*callback_)();
    return;
  }
  constexpr std::uint32_t kBoth = EPOLLHUP | EPOLLERR;
  if ((events & (EPOLLIN | EPOLLRDHUP | EPOLLPRI | kBoth)) != 0 && waiting_[kRead] != nullptr) wake(*waiting_[kRead]);
  if ((events & (EPOLLOUT | kBoth)) != 0 && waiting_[kWrite] != nullptr) wake(*waiting_[kWrite]);
}

void Pollable::unregister() {
  LoopImpl* l = this_loop();
  if (loop_serial_ != 0 && l != nullptr && l->serial == loop_serial_ && l->epoll_fd >= 0) {
    // Always explicit: a descriptor that a child or a dup keeps open would go on reporting to a dead object.
    ::epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, fd_, nullptr);
  }
  loop_serial_ = 0;
  for (WaitNode*& n : waiting_) {
    if (n != nullptr) wake(*std::exchange(n, nullptr), Wake::closed);
  }
}

void Pollable::close() {
  unregister();
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool Pollable::registered() const {
  const LoopImpl* l = this_loop();
  return l != nullptr && loop_serial_ == l->serial;
}

void Pollable::watch(std::function<void()> fn) {
  callback_ = std::make_unique<std::function<void()>>(std::move(fn));
  (void)enroll(EPOLLIN);
}

bool ready_now(int fd, short events) {
  pollfd p{fd, events, 0};
  int rc = 0;
  do {
    rc = ::poll(&p, 1, 0);
  } while (rc < 0 && errno == EINTR);
  return rc > 0;
}

Status block_on(int fd, short events) {
  for (;;) {
    const Instant until = current_deadline();
    int timeout = -1;
    if (until != Instant::max()) {
      const auto left = std::chrono::ceil<Millis>(until - monotonic_now()).count();
      if (left <= 0) return std::unexpected(wake_error(Wake::timed_out));
      timeout = static_cast<int>(std::min<std::int64_t>(left, 3'600'000));
    }
    pollfd p{fd, events, 0};
    const int rc = ::poll(&p, 1, timeout);
    if (rc > 0) return {};
    if (rc < 0 && errno != EINTR) return fail_errno(errno, "poll");
  }
}

Status wait_fd(int fd, bool for_writing) {
  const short events = for_writing ? POLLOUT : POLLIN;
  if (!in_fiber()) return block_on(fd, events);
  if (ready_now(fd, events)) return give_way();
  // A dup: the caller's library may have its own registration, and closes the descriptor when it likes.
  Pollable p(::dup(fd));
  if (p.fd() < 0) return fail_errno(errno, "dup");
  Status st;
  do {
    st = p.wait(for_writing ? Pollable::kWrite : Pollable::kRead);
  } while (st && !ready_now(fd, events));
  p.close();
  return st;
}

struct FdWatch::Impl {
  Pollable p;
};

FdWatch::FdWatch(int fd, std::function<void()> on_readable) : impl_(new Impl{Pollable(fd)}) {
  if (!Loop::exists()) throw std::logic_error("FdWatch without an event loop");
  impl_->p.watch(std::move(on_readable));
}

FdWatch::~FdWatch() = default;

bool FdWatch::alive() const { return impl_->p.registered(); }

}  // namespace remex::io
