// "/path" items: the file is read at every use, one item a line. Plain system calls: local files are quick; a file on a
// dead network mount would hold up the loop, so lists belong on local disks. Unreadable is kind defer.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "core/base/strings.h"
#include "lang/list_internal.h"

namespace remex::lang {

namespace {

constexpr std::size_t kMaxListFile = 64U << 20U;

std::string_view without_comment(std::string_view line, bool anywhere) {
  for (std::size_t i = 0; i < line.size(); ++i)
    if (line[i] == '#' && (anywhere || i == 0 || is_space(line[i - 1]))) return line.substr(0, i);
  return line;
}

}  // namespace

Result<std::vector<std::string>> read_list_file(const std::string& path, ListKind kind) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  if (fd < 0) return defer(fmt::format("failed to open {} when checking a list: {}", path, std::strerror(errno)));
  struct stat st{};
  std::string text;
  int error = 0;
  if (::fstat(fd, &st) != 0)
    error = errno;
  else if (!S_ISREG(st.st_mode))
    error = S_ISDIR(st.st_mode) ? EISDIR : EINVAL;
  while (error == 0) {
    char buffer[16384];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error = errno;
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
    if (text.size() > kMaxListFile) error = EFBIG;
  }
  ::close(fd);
  if (error != 0) return defer(fmt::format("failed to read {} when checking a list: {}", path, std::strerror(error)));
  const bool anywhere = kind == ListKind::domain || kind == ListKind::host;
  std::vector<std::string> out;
  for (std::string_view line : split(text, '\n')) {
    line = trim(without_comment(line, anywhere));
    if (!line.empty()) out.emplace_back(line);
  }
  return out;
}

}  // namespace remex::lang
