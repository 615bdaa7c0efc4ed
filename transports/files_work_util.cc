// See files_work.h.
#include "transports/files_work.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace remex::transports {

Status make_directories(const std::string& path, mode_t mode) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), mode) == 0) {
      ::chmod(part.c_str(), mode);
      const Fd made(::open(part.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
      if (Status synced = sync_parent(part, made.get()); !synced) {
        ::rmdir(part.c_str());
        return synced;
      }
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

Status sync_names(int dir, int inside, const std::string& path) {
  if (dir >= 0 && ::fsync(dir) == 0) return {};
  if ((errno == EACCES || errno == EINVAL) && ::syncfs(inside) == 0) return {};
  return fail_errno(errno, fmt::format("failed to sync directory {}", path));
}

Status sync_parent(const std::string& path, int inside) {
  const std::string parent = path.substr(0, path.rfind('/') + 1);
  const Fd dir(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  return sync_names(dir.get(), inside, parent);
}

}  // namespace remex::transports
