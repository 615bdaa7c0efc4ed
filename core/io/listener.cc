// Listening sockets. accept() tries at once, so one wake-up drains the whole backlog.
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/io/shared_listener.h"
#include "core/io/socket.h"

namespace remex::io {
namespace {

constexpr auto kExhaustedPause = Millis(100);

class ListenerImpl final : public Listener {
 public:
  explicit ListenerImpl(int fd, std::string path = {}) : p_(fd), path_(std::move(path)) {}
  ~ListenerImpl() override { close(); }

  Result<std::unique_ptr<Socket>> accept() override {
    for (;;) {
      if (p_.fd() < 0) return std::unexpected(wake_error(Wake::closed));
      const int fd = ::accept4(p_.fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        auto s = Socket::adopt(fd);
        (void)give_way();  // who was told to stop hears of it at the next call: this client is connected
        return s;
      }
      const int err = errno;
      if (err == EAGAIN || err == EWOULDBLOCK) {
        REMEX_CHECK(p_.wait(Pollable::kRead, kParkIdle));
      } else if (err == EMFILE || err == ENFILE || err == ENOBUFS || err == ENOMEM) {
        // The connection stays in the backlog; without a pause the caller's loop would spin.
        REMEX_CHECK(sleep_for(kExhaustedPause));
        Error e = fail_errno(err, "accept").error();
        e.kind = ErrorKind::defer;
        return std::unexpected(std::move(e));
      } else if (err == EBADF || err == EINVAL || err == ENOTSOCK) {
        return fail_errno(err, "accept");
      }
      // Anything else is trouble of that one connection (accept(2): ECONNABORTED, EPROTO, network errors).
    }
  }

  Endpoint local() const override {
    sockaddr_storage a{};
    socklen_t len = sizeof a;
    if (p_.fd() < 0 || ::getsockname(p_.fd(), reinterpret_cast<sockaddr*>(&a), &len) != 0) return {};
    return from_sockaddr(a);
  }

  int fd() const override { return p_.fd(); }

  void close() override {
    if (p_.fd() < 0) return;
    p_.close();
    if (!path_.empty()) ::unlink(path_.c_str());
  }

 private:
  Pollable p_;
  std::string path_;
};

/// A socket file that nobody listens on any more is in the way; anything else stays.
void remove_stale(const std::string& path, const sockaddr_un& addr) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0 || !S_ISSOCK(st.st_mode)) return;
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&addr), sizeof addr) != 0 && errno == ECONNREFUSED)
    ::unlink(path.c_str());
  ::close(fd);
}

Result<std::unique_ptr<Listener>> listen_tcp(const Endpoint& at, int backlog, bool share) {
  const std::string what = "listen on " + describe(at);
  sockaddr_storage addr;
  REMEX_TRY(const socklen_t len, to_sockaddr(at, addr));
  const int fd = ::socket(addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_errno(errno, what);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (addr.ss_family == AF_INET6) ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&addr), len) != 0 || ::listen(fd, backlog) != 0) {
    const int err = errno;
    ::close(fd);
    return fail_errno(err, what);
  }
  return std::make_unique<ListenerImpl>(fd);
}

}  // namespace

Result<std::unique_ptr<Listener>> Listener::tcp(const Endpoint& at, int backlog) {
  return listen_tcp(at, backlog, false);
}

Result<std::unique_ptr<Listener>> listen_shared(const Endpoint& at, int backlog) {
  return listen_tcp(at, backlog, true);
}

void share_port(const Listener& listener, bool on) {
  const int value = on ? 1 : 0;
  (void)::setsockopt(listener.fd(), SOL_SOCKET, SO_REUSEPORT, &value, sizeof value);
}

Result<std::unique_ptr<Listener>> Listener::unix_socket(const std::string& path, int mode) {
  const std::string what = "listen on " + path;
  sockaddr_un addr{};
  addr.sun_family = AF_UNIX;
  if (path.size() >= sizeof addr.sun_path) return fail(what + ": path too long");
  std::memcpy(addr.sun_path, path.data(), path.size());
  remove_stale(path, addr);
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return fail_errno(errno, what);
  // Linux creates the file with the mode of the socket's inode: it never exists with wider permissions.
  ::fchmod(fd, static_cast<mode_t>(mode));
  if (::bind(fd, reinterpret_cast<sockaddr*>(&addr), sizeof addr) != 0 ||
      ::chmod(path.c_str(), static_cast<mode_t>(mode)) != 0 || ::listen(fd, 128) != 0) {
    const int err = errno;
    ::close(fd);
    return fail_errno(err, what);
  }
  return std::make_unique<ListenerImpl>(fd, path);
}

std::unique_ptr<Listener> Listener::adopt(int fd) {
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  return std::make_unique<ListenerImpl>(fd);
}

}  // namespace remex::io
