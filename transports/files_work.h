// Small file helpers of the courier's side of transports/.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace remex::transports {

/// An open descriptor, closed at the end of its block.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  Fd& operator=(Fd&& o) noexcept {
    std::swap(fd_, o.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

/// mkdir -p with this mode (whatever the umask); new names are synced in their parents.
Status make_directories(const std::string& path, mode_t mode);
/// Writes all of `bytes` into a blocking descriptor. Returns 0 or an errno; `written`, if given, grows by what was
/// written, also before an error.
int write_all(int fd, std::string_view bytes, std::uint64_t* written = nullptr);
/// Makes the name of a new file durable.
void sync_parent(const std::string& path);

}  // namespace remex::transports
