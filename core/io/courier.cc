// See courier.h.
#include "core/io/courier.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "core/base/strings.h"
#include "core/io/fiber.h"

namespace remex::io {
namespace {

constexpr std::size_t kMaxBytes = 64u << 20;
constexpr std::size_t kMaxFields = 1000;
constexpr std::uint32_t kReload = 0xffffffffU, kHold = 0xfffffffeU;
constexpr Seconds kMostTime{7 * 86400};
constexpr Seconds kOrphanTime{15};     ///< for a child when the asking process has ended
constexpr Seconds kUndoTime{30 * 60};  ///< for a child that puts right what it did; as long as a lock file is respected

void put_u32(std::string& out, std::size_t n) {
  for (int shift = 0; shift < 32; shift += 8) out += static_cast<char>(n >> shift & 0xffU);
}

std::uint32_t get_u32(std::string_view s) {
  std::uint32_t n = 0;
  for (unsigned i = 0; i < 4; ++i) n |= static_cast<std::uint32_t>(static_cast<unsigned char>(s[i])) << (8 * i);
  return n;
}

bool take(std::string_view& in, std::string& out) {
  if (in.size() < 4) return false;
  const std::uint32_t n = get_u32(in);
  if (n > in.size() - 4) return false;
  out = in.substr(4, n);
  in.remove_prefix(4 + n);
  return true;
}

}  // namespace

std::string encode_fields(const Fields& f) {
  std::string body;
  for (const auto& [name, value] : f) {
    put_u32(body, name.size());
    body += name;
    put_u32(body, value.size());
    body += value;
  }
  std::string out;
  put_u32(out, body.size());
  return out + body;
}

Result<Fields> decode_fields(std::string_view bytes) {
  Fields f;
  while (!bytes.empty()) {
    std::string name, value;
    if (!take(bytes, name) || !take(bytes, value) || f.size() >= kMaxFields) return fail("malformed courier message");
    f[name] = std::move(value);
  }
  return f;
}

// ------------------------------------------------------------------ the worker's side

namespace {
Status read_exactly(int fd, char* into, std::size_t n) {
  while (n > 0) {
    const ssize_t got = ::read(fd, into, n);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      pollfd p{fd, POLLIN, 0};
      (void)::poll(&p, 1, -1);
      continue;
    }
    if (got < 0) return fail_errno(errno, "courier socket");
    if (got == 0) return fail(ErrorKind::closed, "the asking process is gone");
    into += got;
    n -= static_cast<std::size_t>(got);
  }
  return {};
}
}  // namespace

Result<Fields> read_fields(int fd) {
  char head[4];
  REMEX_CHECK(read_exactly(fd, head, 4));
  const std::uint32_t n = get_u32({head, 4});
  if (n > kMaxBytes) return fail("courier message too long");
  std::string body(n, '\0');
  REMEX_CHECK(read_exactly(fd, body.data(), n));
  return decode_fields(body);
}

Status write_bytes(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      pollfd p{fd, POLLOUT, 0};
      (void)::poll(&p, 1, -1);
      continue;
    }
    if (n < 0) return fail_errno(errno, "courier socket");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Status write_fields(int fd, const Fields& f) { return write_bytes(fd, encode_fields(f)); }

Status read_bytes(int fd, std::uint64_t n, const std::function<Status(std::string_view)>& sink) {
  std::array<char, 16384> block;
  while (n > 0) {
    const std::size_t want = n < block.size() ? static_cast<std::size_t>(n) : block.size();
    REMEX_CHECK(read_exactly(fd, block.data(), want));
    REMEX_CHECK(sink({block.data(), want}));
    n -= want;
  }
  return {};
}

// ------------------------------------------------------------------ the asking side

namespace {

/// Collects one answer. Not a byte more is read than that: what follows it belongs to the conversation after it.
class Incoming {
 public:
  explicit Incoming(std::size_t more) : more_(more) {}

  /// How many bytes are still to come, as far as is known; 0: it is whole.
  std::size_t missing() const { return buffer_.size() < 4 ? 4 - buffer_.size() : 4 + length() - buffer_.size(); }
  Status add(std::string_view bytes) {
    buffer_ += bytes;
    if (buffer_.size() >= 4 && length() > kMaxBytes + more_) return fail("courier answer too long");
    return {};
  }
  Result<Fields> fields() const { return decode_fields(std::string_view(buffer_).substr(4)); }

 private:
  std::size_t length() const { return get_u32(buffer_); }

  std::size_t more_;
  std::string buffer_;
};

Result<Fields> receive(Stream& from, Incoming& answer) {
  std::array<char, 4096> block;
  while (answer.missing() > 0) {
    REMEX_TRY(const std::size_t n, from.read_some(std::span(block.data(), std::min(block.size(), answer.missing()))));
    if (n == 0) return fail(ErrorKind::closed, "the delivery process ended without an answer");
    REMEX_CHECK(answer.add({block.data(), n}));
  }
  return answer.fields();
}

/// Nobody waits any more. From here on the worker cannot send (the kernel decides which came first), and what it sent
/// before is taken: nothing is done that nobody knows of.
std::optional<Fields> last_answer(const Stream& from, Incoming& answer) {
  if (from.fd() < 0) return std::nullopt;
  (void)::shutdown(from.fd(), SHUT_RD);
  std::array<char, 4096> block;
  while (answer.missing() > 0) {
    const ssize_t n = ::recv(from.fd(), block.data(), std::min(block.size(), answer.missing()), MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || !answer.add({block.data(), static_cast<std::size_t>(n)})) return std::nullopt;
  }
  auto fields = answer.fields();
  return fields ? std::optional(std::move(*fields)) : std::nullopt;
}

}  // namespace

Result<Fields> receive_fields(Stream& from, std::size_t more) {
  Incoming answer(more);
  return receive(from, answer);
}

Result<Fields> Courier::call(const Fields& request, Seconds limit, const std::function<Status(Stream&)>& body) {
  REMEX_TRY(auto stream, open(limit));
  const DeadlineScope deadline(std::chrono::duration_cast<Millis>(limit) + Millis(5000));
  Status sent = stream->write_all(encode_fields(request));
  if (sent && body) sent = body(*stream);
  // A command's output may be as long as the request allows.
  const auto output = request.find("max_output");
  const auto more = output != request.end() ? parse_uint(output->second).value_or(0) : 0;
  Incoming incoming(static_cast<std::size_t>(std::min<std::uint64_t>(more, UINT32_MAX)));
  // A worker that refuses answers without reading everything: its answer says more than the failed write. One that did
  // not get the message because it cannot be read here would wait for the rest.
  Result<Fields> answer = sent || sent.error().kind == ErrorKind::closed
                              ? receive(*stream, incoming)
                              : Result<Fields>(std::unexpected(sent.error()));
  if (answer) return answer;
  if (auto last = last_answer(*stream, incoming)) return std::move(*last);
  if (!sent && answer.error().kind == ErrorKind::closed) return std::unexpected(sent.error());
  if (answer.error().kind == ErrorKind::timed_out)
    return fail(ErrorKind::timed_out, fmt::format("the delivery process did not end within {} s", limit.count()));
  return answer;
}

namespace {

// ------------------------------------------------------------------ in threads

class ThreadCourier : public Courier {
 public:
  explicit ThreadCourier(CourierWork work) : work_(std::make_shared<CourierWork>(std::move(work))) {}
  bool privileged() const override { return false; }
  Result<std::unique_ptr<Stream>> open(Seconds) override {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return fail_errno(errno, "socketpair");
    sigset_t everything, before;
    sigfillset(&everything);
    pthread_sigmask(SIG_SETMASK, &everything, &before);
    bool started = true;
    try {
      std::thread([work = work_, fd = fds[1]] {
        (*work)(fd, false);
        ::close(fd);
      }).detach();
    } catch (const std::system_error&) {
      started = false;
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (!started) {
      ::close(fds[0]);
      ::close(fds[1]);
      return defer("cannot start a thread for a delivery");
    }
    return Socket::adopt(fds[0]);
  }

 private:
  std::shared_ptr<CourierWork> work_;
};

// ------------------------------------------------------------------ in processes

/// Sends a number and perhaps a descriptor as one packet.
bool send_packet(int socket, std::uint32_t number, int fd) {
  iovec io{&number, sizeof number};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr m{};
  m.msg_iov = &io;
  m.msg_iovlen = 1;
  if (fd >= 0) {
    m.msg_control = control;
    m.msg_controllen = sizeof control;
    cmsghdr* c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(c), &fd, sizeof fd);
  }
  return ::sendmsg(socket, &m, MSG_NOSIGNAL) == static_cast<ssize_t>(sizeof number);
}

/// 1 a packet, 0 the other side is gone, -1 nothing now. `fd` is -1 when none came.
int receive_packet(int socket, std::uint32_t& number, int& fd) {
  iovec io{&number, sizeof number};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr m{};
  m.msg_iov = &io;
  m.msg_iovlen = 1;
  m.msg_control = control;
  m.msg_controllen = sizeof control;
  fd = -1;
  const ssize_t n = ::recvmsg(socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
  if (n < 0) return errno == EAGAIN || errno == EINTR ? -1 : 0;
  if (n == 0) return 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&m); c != nullptr; c = CMSG_NXTHDR(&m, c))
    if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS) std::memcpy(&fd, CMSG_DATA(c), sizeof fd);
  return n == static_cast<ssize_t>(sizeof number) ? 1 : -1;
}

/// The privileged process. It reads numbers and descriptors only; what a request says is read by its child.
class Master {
 public:
  Master(int socket, CourierWork work, std::function<void()> reload)
      : socket_(socket), work_(std::move(work)), reload_(std::move(reload)) {}

  [[noreturn]] void run() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_SETMASK, &set, nullptr);
    const int children = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    bool open = true;
    while (open || !running_.empty()) {
      pollfd fds[2] = {{children, POLLIN, 0}, {open ? socket_ : -1, POLLIN, 0}};
      (void)::poll(fds, 2, running_.empty() ? -1 : 1000);
      reap(children);
      if (fds[1].revents == 0) continue;
      std::uint32_t number = 0;
      int fd = -1;
      const int got = receive_packet(socket_, number, fd);
      if (got == 0) {
        open = false;
        for (auto& [pid, child] : running_)
          if (!child.told) child.until = std::min(child.until, monotonic_now() + kOrphanTime);
      }
      if (got <= 0) continue;
      if (number == kReload && fd < 0) reload_();
      if (fd < 0) continue;
      if (number == kHold) {
        if (held_ >= 0) ::close(held_);
        held_ = fd;
        continue;
      }
      start(fd, number);
      ::close(fd);
    }
    ::_exit(0);
  }

 private:
  void start(int fd, std::uint32_t limit) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(socket_);
      // What the forking process held back for itself is nothing to a command that is run here.
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);
      (void)::setsid();
      work_(fd, true);
      ::_exit(0);
    }
    if (pid > 0) running_[pid] = Child{monotonic_now() + std::min(Seconds(limit), kMostTime)};
  }

  struct Child {
    Instant until;
    bool told = false;  ///< to end
  };

  void reap(int children) {
    signalfd_siginfo info;
    while (::read(children, &info, sizeof info) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) running_.erase(pid);
    const Instant now = monotonic_now();
    for (auto& [pid, child] : running_) {
      if (now <= child.until) continue;
      ::kill(pid, child.told ? SIGKILL : SIGALRM);
      child = {.until = child.told ? now : now + kUndoTime, .told = true};
    }
  }

  int socket_;
  int held_ = -1;  ///< of hold(); children have it, too, what they execute has not
  CourierWork work_;
  std::function<void()> reload_;
  std::map<pid_t, Child> running_;
};

class ProcessCourier : public Courier {
 public:
  ProcessCourier(int fd, pid_t process) : fd_(fd), process_(process) {}
  ~ProcessCourier() override { ::close(fd_); }
  bool privileged() const override { return true; }

  Result<std::unique_ptr<Stream>> open(Seconds limit) override {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) return fail_errno(errno, "socketpair");
    const bool sent = send_packet(fd_, static_cast<std::uint32_t>(std::min(limit, kMostTime).count()), fds[1]);
    const int err = errno;
    ::close(fds[1]);
    if (!sent) {
      ::close(fds[0]);
      return defer(fmt::format("the courier process cannot be asked: {}", std::strerror(err)));
    }
    return Socket::adopt(fds[0]);
  }
  void hold(int fd) override {
    if (fd >= 0) (void)send_packet(fd_, kHold, fd);
  }
  void reload() override { (void)send_packet(fd_, kReload, -1); }
  pid_t process() const override { return process_; }

 private:
  int fd_;
  pid_t process_;
};

}  // namespace

std::shared_ptr<Courier> make_thread_courier(CourierWork work) {
  return std::make_shared<ThreadCourier>(std::move(work));
}

Result<std::shared_ptr<Courier>> start_courier_process(CourierWork work, std::function<void()> reload) {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0) return fail_errno(errno, "socketpair");
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int err = errno;
    ::close(fds[0]);
    ::close(fds[1]);
    return fail_errno(err, "fork");
  }
  if (pid == 0) {
    // No listening socket, log or store descriptor of the daemon stays open here.
    const auto mine = static_cast<unsigned>(fds[1]);
    if (mine > 3) (void)::close_range(3, mine - 1, 0);
    (void)::close_range(mine + 1, ~0U, 0);
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGHUP, SIG_IGN);
    ::signal(SIGINT, SIG_IGN);
    ::signal(SIGTERM, SIG_IGN);  // it ends when the daemon has ended
    ::signal(SIGALRM, SIG_DFL);  // what ends children that are late
    (void)::prctl(PR_SET_NAME, "remex-courier");
    Master(fds[1], std::move(work), std::move(reload)).run();
  }
  ::close(fds[1]);
  return std::make_shared<ProcessCourier>(fds[0], pid);
}

}  // namespace remex::io
