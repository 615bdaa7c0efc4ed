// The courier: work that must not run in the serving process (commands, mailbox files, files of other users) is handed
// to a function in a child process or thread of its own, one for each request, over a socket.
//
// Started as root, the daemon forks a small privileged process before it gives up its rights; for each request that
// process forks a child, which checks the request, becomes the user it is for, does the work and ends. Started by
// anyone else, a request runs in a thread of the same process and can only be done as that user. Who asks waits on a
// fiber with a deadline; a child that crashes is an error like any other.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "core/io/stream.h"

namespace remex::io {

/// A request or an answer: names and values. Numbers are decimal text.
using Fields = std::map<std::string, std::string>;

/// Length-prefixed bytes of at most 64 MiB and 1000 fields; decode() refuses anything else.
std::string encode_fields(const Fields& f);
Result<Fields> decode_fields(std::string_view bytes);

/// The worker's side; blocking calls on the request's socket. Kind closed: the asking side is gone.
Result<Fields> read_fields(int fd);
Status write_fields(int fd, const Fields& f);
Status write_bytes(int fd, std::string_view bytes);
/// Reads exactly `n` bytes and gives them to `sink` in pieces.
Status read_bytes(int fd, std::uint64_t n, const std::function<Status(std::string_view)>& sink);

/// Does one request that arrives on `fd` and answers on it. `privileged`: runs in a child of its own and may (must)
/// change its identity.
using CourierWork = std::function<void(int fd, bool privileged)>;

class Courier {
 public:
  virtual ~Courier() = default;
  /// Can act as other users.
  virtual bool privileged() const = 0;
  /// A fresh request. The child is told to end (SIGALRM, which ends a process) when it is not done within `limit`; one
  /// that holds the signal back because it would leave half of its work behind is killed much later. The stream is the
  /// request's socket.
  virtual Result<std::unique_ptr<Stream>> open(Seconds limit) = 0;
  /// Tells the privileged process to read its configuration again.
  virtual void reload() {}
  /// Gives the privileged process a copy of a descriptor, which it and the children it has then keep as long as they
  /// live: the locks of the asking process outlive it by what is done for it. One more takes the place of the last.
  virtual void hold(int) {}
  /// The privileged process, a child of the one that called start_courier_process(); -1: there is none.
  virtual pid_t process() const { return -1; }

  /// Sends the request, then what `body` writes, and waits for the answer. Parks, at most `limit` and a little. After
  /// an error the worker cannot give its answer any more: either this returns it, or the worker's write_fields() fails.
  Result<Fields> call(const Fields& request, Seconds limit, const std::function<Status(Stream&)>& body = nullptr);
};

/// Receives an answer on a stream of open(): refused when it is longer than usual by more than `more`. Parks.
Result<Fields> receive_fields(Stream& from, std::size_t more = 0);

/// Requests run in threads of this process.
std::shared_ptr<Courier> make_thread_courier(CourierWork work);

/// Forks the privileged process; call it before any thread or loop exists. `reload` runs there when the daemon asks.
Result<std::shared_ptr<Courier>> start_courier_process(CourierWork work, std::function<void()> reload);

}  // namespace remex::io
