// See service_manager.h.
#include "core/daemon/service_manager.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "core/base/strings.h"

namespace remex::daemon {

void notify_manager(std::string_view text) {
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  sockaddr_un a{};
  const std::size_t length = strlen(path);
  if (length > sizeof a.sun_path) return;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  a.sun_family = AF_UNIX;
  memcpy(a.sun_path, path, length);
  if (a.sun_path[0] == '@') a.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  (void)!sendto(fd, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&a), size);
  close(fd);
}

Millis manager_watchdog() {
  const char* limit = getenv("WATCHDOG_USEC");
  const char* pid = getenv("WATCHDOG_PID");
  if (limit == nullptr) return Millis(0);
  if (pid != nullptr && parse_int(pid) != static_cast<std::int64_t>(getpid())) return Millis(0);
  return Millis(static_cast<std::int64_t>(parse_uint(limit).value_or(0) / 1000));
}

Result<std::vector<InheritedSocket>> inherited_sockets() {
  constexpr int kFirst = 3;
  constexpr std::uint64_t kMost = 1000;
  const auto value = [](const char* name) {
    const char* v = getenv(name);
    std::string out = v != nullptr ? v : "";
    (void)unsetenv(name);
    return out;
  };
  const std::string pid = value("LISTEN_PID"), count = value("LISTEN_FDS"), names = value("LISTEN_FDNAMES");
  std::vector<InheritedSocket> out;
  if (count.empty() || parse_int(pid) != static_cast<std::int64_t>(getpid())) return out;
  const auto n = parse_uint(count);
  if (!n || *n > kMost) return fail(fmt::format("LISTEN_FDS={} is no number of sockets", printable(count)));
  const auto words = split(names, ':');
  for (std::size_t i = 0; i < *n; ++i) {
    const int fd = kFirst + static_cast<int>(i);
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
      return fail(fmt::format("LISTEN_FDS={}: descriptor {}: {}", *n, fd, strerror(errno)));
    out.push_back({fd, i < words.size() ? std::string(words[i]) : std::string()});
  }
  return out;
}

}  // namespace remex::daemon
