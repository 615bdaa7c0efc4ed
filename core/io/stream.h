// Byte streams: TCP, UNIX sockets, pipes, standard input/output, TLS over any of them.
// All waits obey the fiber's deadline. Destruction resets; close() is the polite end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::io {

/// An address of a TCP peer or listener. `ip` has no brackets and no zone.
struct Endpoint {
  std::string ip;
  std::uint16_t port = 0;
  bool is_v6() const { return ip.find(':') != std::string::npos; }
};

class Stream {
 public:
  virtual ~Stream() = default;
  /// Waits for at least one byte; fewer than asked is normal. 0 = the peer ended its side. May not be called by two
  /// fibers at once.
  virtual Result<std::size_t> read_some(std::span<char> into) = 0;
  /// One read that never parks: nothing when there is no input now, 0 at the end. A stream without it (the default)
  /// says "nothing" always and is read with read_some().
  virtual Result<std::optional<std::size_t>> try_read(std::span<char> into);
  /// Writes all or fails. A failed or timed-out write leaves the stream unusable.
  virtual Status write_all(std::string_view bytes) = 0;
  /// Bytes that can be read without waiting exist (kernel or TLS buffer). Never parks.
  virtual bool has_pending_input() = 0;
  /// Parks until input (or end of stream) is there, owning no buffer meanwhile.
  virtual Status wait_readable() = 0;
  /// Says goodbye (TLS close_notify, shutdown) and closes; bounded to a few seconds.
  virtual void close() = 0;
  /// Closes at once, with RST where possible.
  virtual void abort() = 0;
  virtual int fd() const = 0;
};

/// TCP or UNIX stream socket, or any pollable descriptor pair (pipes, stdin/stdout).
class Socket : public Stream {
 public:
  /// Takes ownership of a connected descriptor and makes it non-blocking.
  static std::unique_ptr<Socket> adopt(int fd);
  /// Reads from one descriptor and writes to another (-bs: 0 and 1). Works for regular files too. Does not close them.
  static std::unique_ptr<Stream> from_stdio(int in_fd, int out_fd);
  virtual Endpoint peer() const = 0;
  virtual Endpoint local() const = 0;
};

/// Connects; error kinds timed_out, failed (refused, unreachable: sys_errno is set). `local_ip` empty = any.
Result<std::unique_ptr<Socket>> connect_tcp(const Endpoint& to, const std::string& local_ip = {});
Result<std::unique_ptr<Socket>> connect_unix(const std::string& path);

class Listener {
 public:
  /// Binds and listens. `v6only` when ip is an IPv6 address.
  static Result<std::unique_ptr<Listener>> tcp(const Endpoint& at, int backlog);
  static Result<std::unique_ptr<Listener>> unix_socket(const std::string& path, int mode);
  /// Takes over a listening descriptor (socket activation, -bw).
  static std::unique_ptr<Listener> adopt(int fd);
  virtual ~Listener() = default;
  virtual Result<std::unique_ptr<Socket>> accept() = 0;
  virtual Endpoint local() const = 0;
  virtual int fd() const = 0;
  virtual void close() = 0;
};

/// Parks until `fd` is readable (writable): for client libraries with a non-blocking interface. Outside a fiber it
/// blocks.
Status wait_fd(int fd, bool for_writing);

/// Calls `on_readable` on the loop (outside any fiber, it may not wait) while `fd` has input. Belongs to the loop it
/// was made in and does not own the descriptor; may outlive the loop, doing nothing then.
class FdWatch {
 public:
  FdWatch(int fd, std::function<void()> on_readable);
  ~FdWatch();
  FdWatch(const FdWatch&) = delete;
  FdWatch& operator=(const FdWatch&) = delete;
  /// It still belongs to the calling thread's loop.
  bool alive() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Buffered reading on a Stream it does not own. The buffer is given back when empty and idle.
class Reader {
 public:
  explicit Reader(Stream& s) : stream_(&s) {}
  /// One line including its LF (or the rest at end of stream). A line longer than `max` fails with kind failed and
  /// text "line too long" after the line was swallowed up to its LF.
  Result<std::string> read_line(std::size_t max);
  /// Bytes already here (waits for at least one); empty at end of stream. Valid until the next call. consume() what was
  /// used.
  Result<std::string_view> peek();
  void consume(std::size_t n);
  /// Input is buffered here or in the stream. Never parks.
  bool has_pending();
  /// Forgets everything buffered (STARTTLS: RFC 3207 4.2); returns how many bytes were dropped.
  std::size_t discard();
  void rebind(Stream& s) { stream_ = &s; }

 private:
  Result<std::size_t> fill();

  Stream* stream_;
  std::string buf_;
  std::size_t pos_ = 0;
};

}  // namespace remex::io
