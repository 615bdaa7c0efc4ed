// TCP and UNIX sockets: try the system call at once, park on EAGAIN.
#include "core/io/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace remex::io {
namespace {

constexpr auto kLinger = Millis(2000);
constexpr std::size_t kLingerBytes = 256 << 10;

class SocketImpl final : public Socket {
 public:
  explicit SocketImpl(int fd) : p_(fd) {
    struct stat st{};
    socket_ = ::fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
  }
  ~SocketImpl() override { abort(); }

  Result<std::size_t> read_some(std::span<char> into) override {
    for (;;) {
      REMEX_TRY(const auto n, try_read(into));
      if (n) return *n;
      REMEX_CHECK(p_.wait(Pollable::kRead, kParkIdle));
    }
  }

  Result<std::optional<std::size_t>> try_read(std::span<char> into) override {
    if (p_.fd() < 0) return std::unexpected(wake_error(Wake::closed));
    // Before the read: `into` may be shared with other fibers until this returns.
    REMEX_CHECK(give_way());
    if (p_.fd() < 0) return std::unexpected(wake_error(Wake::closed));
    return read_now(p_.fd(), socket_, into);
  }

  Status write_all(std::string_view bytes) override { return write_fully(p_, socket_, bytes); }
  bool has_pending_input() override { return p_.fd() >= 0 && has_bytes(p_.fd()); }

  Status wait_readable() override {
    if (p_.fd() >= 0 && ready_now(p_.fd(), POLLIN | POLLRDHUP)) return give_way();
    return p_.wait(Pollable::kRead, kParkIdle);
  }

  void close() override;
  void abort() override;
  int fd() const override { return p_.fd(); }

  Endpoint peer() const override { return endpoint(::getpeername); }
  Endpoint local() const override { return endpoint(::getsockname); }

 private:
  template <class F>
  Endpoint endpoint(F get) const {
    sockaddr_storage a{};
    socklen_t len = sizeof a;
    if (p_.fd() < 0 || get(p_.fd(), reinterpret_cast<sockaddr*>(&a), &len) != 0) return {};
    return from_sockaddr(a);
  }

  Pollable p_;
  bool socket_ = false;
};

void SocketImpl::close() {
  if (p_.fd() < 0) return;
  if (socket_) {
    ::shutdown(p_.fd(), SHUT_WR);
    // Closing with unread input makes the kernel send RST, which can destroy our last reply on its way.
    const DeadlineScope scope(kLinger);
    std::array<char, 2048> sink;
    std::size_t drained = 0;
    while (drained < kLingerBytes) {
      auto n = read_now(p_.fd(), socket_, sink);
      if (!n || (*n && **n == 0)) break;
      if (*n) {
        drained += **n;
      } else if (drained == 0 || !p_.wait(Pollable::kRead)) {
        break;
      }
    }
  }
  p_.close();
}

void SocketImpl::abort() {
  if (p_.fd() < 0) return;
  if (socket_) {
    const linger now{1, 0};
    ::setsockopt(p_.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  p_.close();
}

Status start_connect(Pollable& p, const sockaddr* addr, socklen_t len, const std::string& what) {
  if (::connect(p.fd(), addr, len) == 0) return {};
  if (errno != EINPROGRESS && errno != EINTR) return fail_errno(errno, what);
  for (;;) {
    if (auto st = p.wait(Pollable::kWrite); !st) {
      st.error().text = what + ": " + st.error().text;
      return st;
    }
    if (ready_now(p.fd(), POLLOUT)) break;
  }
  int err = 0;
  socklen_t size = sizeof err;
  if (::getsockopt(p.fd(), SOL_SOCKET, SO_ERROR, &err, &size) != 0) err = errno;
  if (err == 0) return {};
  auto failure = fail_errno(err, what);
  if (err == ETIMEDOUT) failure.error().kind = ErrorKind::timed_out;
  return failure;
}

/// The descriptor when `connect` succeeded; it has left the epoll set again.
Result<int> connected(int fd, const sockaddr* addr, socklen_t len, const std::string& what) {
  Pollable p(fd);
  if (auto st = start_connect(p, addr, len, what); !st) {
    p.close();
    return std::unexpected(std::move(st).error());
  }
  return fd;
}

}  // namespace

Result<socklen_t> to_sockaddr(const Endpoint& e, sockaddr_storage& out) {
  out = {};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
  if (::inet_pton(AF_INET, e.ip.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(e.port);
    return static_cast<socklen_t>(sizeof *v4);
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  out = {};
  if (::inet_pton(AF_INET6, e.ip.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(e.port);
    return static_cast<socklen_t>(sizeof *v6);
  }
  return fail(fmt::format("\"{}\" is not an IP address", e.ip));
}

Endpoint from_sockaddr(const sockaddr_storage& a) {
  char text[INET6_ADDRSTRLEN] = "";
  if (a.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(a);
    ::inet_ntop(AF_INET, &v4.sin_addr, text, sizeof text);
    return {text, ntohs(v4.sin_port)};
  }
  if (a.ss_family != AF_INET6) return {};
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(a);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    ::inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof text);
  } else {
    ::inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
  }
  return {text, ntohs(v6.sin6_port)};
}

std::string describe(const Endpoint& e) { return fmt::format("[{}]:{}", e.ip, e.port); }

Error io_error(int err, std::string_view what) {
  Error e = fail_errno(err, what).error();
  if (err == ECONNRESET || err == EPIPE || err == ENOTCONN) e.kind = ErrorKind::closed;
  if (err == ETIMEDOUT) e.kind = ErrorKind::timed_out;
  return e;
}

bool has_bytes(int fd) {
  int n = 0;
  return ::ioctl(fd, FIONREAD, &n) == 0 && n > 0;
}

Result<std::optional<std::size_t>> read_now(int fd, bool socket, std::span<char> into) {
  for (;;) {
    const ssize_t n =
        socket ? ::recv(fd, into.data(), into.size(), MSG_DONTWAIT) : ::read(fd, into.data(), into.size());
    if (n >= 0) return std::optional<std::size_t>(static_cast<std::size_t>(n));
    if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<std::size_t>();
    if (errno != EINTR) return std::unexpected(io_error(errno, "read"));
  }
}

Status write_fully(Pollable& p, bool socket, std::string_view bytes) {
  while (!bytes.empty()) {
    if (p.fd() < 0) return std::unexpected(wake_error(Wake::closed));
    const ssize_t n = socket ? ::send(p.fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT)
                             : ::write(p.fd(), bytes.data(), bytes.size());
    if (n >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      REMEX_CHECK(p.wait(Pollable::kWrite));
    } else if (errno != EINTR) {
      return std::unexpected(io_error(errno, "write"));
    }
  }
  return give_way();
}

std::unique_ptr<Socket> Socket::adopt(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // fails harmlessly on anything but TCP
  return std::make_unique<SocketImpl>(fd);
}

Result<std::unique_ptr<Socket>> connect_tcp(const Endpoint& to, const std::string& local_ip) {
  const std::string what = "connect to " + describe(to);
  sockaddr_storage addr;
  REMEX_TRY(const socklen_t len, to_sockaddr(to, addr));
  const int fd = ::socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_errno(errno, what);
  if (!local_ip.empty()) {
    sockaddr_storage from;
    const auto from_len = to_sockaddr({local_ip, 0}, from);
    if (!from_len || ::bind(fd, reinterpret_cast<sockaddr*>(&from), *from_len) != 0) {
      const int err = errno;
      ::close(fd);
      if (!from_len) return std::unexpected(from_len.error());
      return fail_errno(err, "bind to " + local_ip);
    }
  }
  REMEX_CHECK(connected(fd, reinterpret_cast<sockaddr*>(&addr), len, what));
  return Socket::adopt(fd);
}

Result<std::unique_ptr<Socket>> connect_unix(const std::string& path) {
  sockaddr_un addr{};
  addr.sun_family = AF_UNIX;
  if (path.size() >= sizeof addr.sun_path) return fail("socket path too long: " + path);
  std::memcpy(addr.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_errno(errno, "connect to " + path);
  REMEX_CHECK(connected(fd, reinterpret_cast<sockaddr*>(&addr), sizeof addr, "connect to " + path));
  return Socket::adopt(fd);
}

}  // namespace remex::io
