// See files_work.h.
#include "transports/files_work.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>

namespace remex::transports {

Status make_directories(const std::string& path, mode_t mode) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) == 0) {
      ::chmod(part.c_str(), mode);
      sync_parent(part);
    } else if (errno != EEXIST && errno != EISDIR) {
      return fail_errno(errno, fmt::format("failed to create directory {}", part));
    }
    if (at == std::string::npos) return {};
  }
}

int write_all(int fd, std::string_view bytes, std::uint64_t* written) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno;
    if (written != nullptr) *written += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return 0;
}

std::uint32_t own_number() {
  static std::atomic<std::uint32_t> last;
  return ++last;
}

void sync_parent(const std::string& path) {
  const Fd parent(::open(path.substr(0, path.rfind('/') + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (parent) ::fsync(parent.get());
}

}  // namespace remex::transports
