// Standard input and output as a stream: pipes, terminals, sockets (inetd) and regular files.
//
// The descriptors are shared with whoever started us, so their flags stay as they are: O_NONBLOCK would follow into the
// parent's shell. Instead poll() is asked first; a pipe or terminal that is writable takes PIPE_BUF bytes without
// blocking.
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "core/io/socket.h"

namespace remex::io {
namespace {

bool is_socket(int fd) {
  struct stat st{};
  return ::fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
}

/// Duplicates, so that the epoll set has descriptors of its own; closing them closes nothing of the caller's.
class StdioStream final : public Stream {
 public:
  StdioStream(int in_fd, int out_fd)
      : in_(::fcntl(in_fd, F_DUPFD_CLOEXEC, 3)),
        out_(::fcntl(out_fd, F_DUPFD_CLOEXEC, 3)),
        in_socket_(is_socket(in_fd)),
        out_socket_(is_socket(out_fd)) {}
  ~StdioStream() override { shut(); }

  Result<std::size_t> read_some(std::span<char> into) override {
    for (;;) {
      REMEX_TRY(const auto n, try_read(into));
      if (n) return *n;
      REMEX_CHECK(in_.wait(Pollable::kRead, kParkIdle));
    }
  }

  Result<std::optional<std::size_t>> try_read(std::span<char> into) override {
    if (in_.fd() < 0) return std::unexpected(wake_error(Wake::closed));
    // Before the read: `into` may be shared with other fibers until this returns.
    REMEX_CHECK(give_way());
    if (in_.fd() < 0) return std::unexpected(wake_error(Wake::closed));
    if (!in_socket_ && !ready_now(in_.fd(), POLLIN)) return std::optional<std::size_t>();
    return read_now(in_.fd(), in_socket_, into);
  }

  Status write_all(std::string_view bytes) override {
    if (out_.fd() < 0) return std::unexpected(wake_error(Wake::closed));
    if (out_socket_) return write_fully(out_, true, bytes);
    while (!bytes.empty()) {
      if (!ready_now(out_.fd(), POLLOUT)) {
        REMEX_CHECK(out_.wait(Pollable::kWrite));
        continue;
      }
      const ssize_t n = ::write(out_.fd(), bytes.data(), std::min<std::size_t>(bytes.size(), PIPE_BUF));
      if (n >= 0) {
        bytes.remove_prefix(static_cast<std::size_t>(n));
      } else if (errno == EAGAIN) {
        REMEX_CHECK(out_.wait(Pollable::kWrite));
      } else if (errno != EINTR) {
        return std::unexpected(io_error(errno, "write"));
      }
    }
    return give_way();
  }

  bool has_pending_input() override { return in_.fd() >= 0 && has_bytes(in_.fd()); }

  Status wait_readable() override {
    if (in_.fd() >= 0 && ready_now(in_.fd(), POLLIN)) return give_way();
    return in_.wait(Pollable::kRead, kParkIdle);
  }

  void close() override {
    if (out_socket_ && out_.fd() >= 0) ::shutdown(out_.fd(), SHUT_WR);
    shut();
  }
  void abort() override { shut(); }
  int fd() const override { return in_.fd(); }

 private:
  void shut() {
    in_.close();
    out_.close();
  }

  Pollable in_;
  Pollable out_;
  bool in_socket_;
  bool out_socket_;
};

}  // namespace

std::unique_ptr<Stream> Socket::from_stdio(int in_fd, int out_fd) {
  return std::make_unique<StdioStream>(in_fd, out_fd);
}

}  // namespace remex::io
