// See submit_socket.h.
#include "core/daemon/submit_socket.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/base/clock.h"
#include "core/daemon/process.h"

namespace remex::daemon {
namespace {

constexpr int kBacklog = 256;
constexpr Millis kLockPatience{5000};
constexpr int kTaken = 200, kNoIdentity = 201;  ///< beside errno, as exit status of the child

/// Is somebody listening at it? Never waits.
bool is_alive(const sockaddr_un& at) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return true;
  const bool alive = ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 || errno == EAGAIN;
  ::close(fd);
  return alive;
}

/// Between the look at an old socket and the moment at which the new one is listened at, another daemon would take the
/// new one for one that nobody listens at. The lock goes with the process. False: errno.
bool keep_others_out(int directory) {
  const Instant patient = monotonic_now() + kLockPatience;
  while (::flock(directory, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EINTR && (errno != EWOULDBLOCK || monotonic_now() >= patient)) return false;
    (void)::poll(nullptr, 0, 10);
  }
  return true;
}

/// In the child, as the owner of the spool. errno, or 0.
int bind_here(int fd, const std::string& spool_directory, const sockaddr_un& at) {
  std::error_code ec;
  (void)::umask(027);
  std::filesystem::create_directories(spool_directory, ec);  // a daemon that was not started by root
  const int directory = ::open(spool_directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st{};
  if (directory < 0 || ::fstat(directory, &st) != 0) return errno;
  if ((st.st_mode & S_IXOTH) == 0 && ::fchmod(directory, (st.st_mode & 07777) | S_IXOTH) != 0) return errno;
  if (!keep_others_out(directory)) return errno;
  struct stat old{};
  if (::lstat(at.sun_path, &old) == 0 && S_ISSOCK(old.st_mode)) {
    if (is_alive(at)) return kTaken;
    if (::unlink(at.sun_path) != 0) return errno;
  }
  (void)::umask(0111);  // readable and writable for all
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) return errno;
  return ::listen(fd, kBacklog) == 0 ? 0 : errno;
}

int bind_in_child(int fd, const lang::Config& config, const sockaddr_un& at) {
  const pid_t pid = ::fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    if (::geteuid() == 0) {
      const auto id = run_identity(config);
      if (!id || !drop_root(*id)) ::_exit(kNoIdentity);
    }
    ::_exit(bind_here(fd, config.main.spool_directory, at));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

}  // namespace

std::string submit_socket(const std::string& spool_directory) { return spool_directory + "/submit"; }

Result<std::optional<SubmitSocket>> open_submit_socket(const lang::Config& config) {
  const std::string path = submit_socket(config.main.spool_directory);
  const std::string what = fmt::format("messages of users who may not write the spool will not be taken: {}", path);
  sockaddr_un at{};
  at.sun_family = AF_UNIX;
  if (path.size() >= sizeof at.sun_path) return fail(what + ": the path is too long for a socket");
  std::memcpy(at.sun_path, path.data(), path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fail_errno(errno, what);
  SubmitSocket made;
  made.listener = io::Listener::adopt(fd);
  made.path = path;
  const int err = bind_in_child(fd, config, at);
  if (err == kTaken) return std::nullopt;
  if (err == kNoIdentity) return fail(what + ": cannot become exim_user");
  if (err != 0) return fail_errno(err, what);
  struct stat st{};  // nobody replaces one that is listened at
  if (::lstat(at.sun_path, &st) != 0) return fail_errno(errno, what);
  made.device = st.st_dev;
  made.inode = st.st_ino;
  return made;
}

void remove_submit_socket(const SubmitSocket& socket) {
  struct stat st{};
  if (::lstat(socket.path.c_str(), &st) != 0 || st.st_dev != socket.device || st.st_ino != socket.inode) return;
  (void)::unlink(socket.path.c_str());
}

}  // namespace remex::daemon
