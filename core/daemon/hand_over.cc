// See hand_over.h. A directory of exim_user is hostile ground for root: who has taken the worker over renames what is
// in it at any moment. So nothing in it is named twice: it is opened, looked at and given by its descriptor. A file can
// be moved into such a directory from elsewhere, so files are given only where root alone could write until now; a
// directory of root's cannot be moved by somebody who may not write it.
#include "core/daemon/hand_over.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <set>
#include <utility>

#include "core/base/strings.h"

namespace remex::daemon {
namespace {

constexpr mode_t kMode = 0750, kModeAbove = 0755;
/// What the store, the log, malware scanning and test mode make below the spool.
constexpr const char* kSpoolDirectories[] = {"db", "bodies", "log", "scan", "input", "msglog"};

class Directory {
 public:
  Directory() = default;
  explicit Directory(int fd) : fd_(fd) { (void)::fstat(fd_, &st_); }
  Directory(Directory&& o) noexcept : fd_(std::exchange(o.fd_, -1)), st_(o.st_) {}
  Directory& operator=(Directory&& o) noexcept {
    std::swap(fd_, o.fd_);
    st_ = o.st_;
    return *this;
  }
  ~Directory() {
    if (fd_ >= 0) ::close(fd_);
  }
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;

  int fd() const { return fd_; }
  uid_t owner() const { return st_.st_uid; }
  /// Nobody but root has put anything here.
  bool only_roots() const { return st_.st_uid == 0 && (st_.st_mode & 022) == 0; }

 private:
  int fd_ = -1;
  struct stat st_{};
};

/// Opens `name`, which is made with the mode `make` when it is missing (0: it is not, and is no symbolic link). A link
/// is followed only where root alone could have made it.
Result<Directory> enter(const Directory& parent, const std::string& name, mode_t make) {
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (make != 0 && parent.only_roots() ? 0 : O_NOFOLLOW);
  int fd = ::openat(parent.fd(), name.c_str(), flags);
  if (fd < 0 && errno == ENOENT && make != 0) {
    if (::mkdirat(parent.fd(), name.c_str(), make) != 0 && errno != EEXIST) return fail_errno(errno, "mkdir");
    fd = ::openat(parent.fd(), name.c_str(), flags | O_NOFOLLOW);
  }
  if (fd < 0) return fail_errno(errno, "open");
  return Directory(fd);
}

/// Plain files of root's in a directory where only root wrote.
void give_files(const Directory& d, const Identity& id) {
  const int again = ::openat(d.fd(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> list(again >= 0 ? ::fdopendir(again) : nullptr, &::closedir);
  if (!list) {
    if (again >= 0) ::close(again);
    return;
  }
  while (const dirent* e = ::readdir(list.get())) {
    const int fd = ::openat(d.fd(), e->d_name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) continue;
    struct stat st{};
    if (::fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && st.st_nlink == 1)
      (void)!::fchownat(fd, "", id.uid, id.gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
    ::close(fd);
  }
}

/// `trusted`: it lies where only root could have put it, so it may be anybody's now. Else it is given only when nobody
/// but root could have moved it there.
Status give(const Directory& d, const Identity& id, bool trusted) {
  if (d.owner() == id.uid || !(trusted || d.only_roots())) return {};
  // Last, for then others write in it.
  if (d.only_roots()) give_files(d, id);
  return ::fchown(d.fd(), id.uid, id.gid) == 0 ? Status() : fail_errno(errno, "chown");
}

/// Walks down to `path`. `trusted`: set when all above it is root's alone.
Result<Directory> reach(const std::string& path, bool& trusted) {
  Directory at(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (at.fd() < 0) return fail_errno(errno, "open /");
  trusted = true;
  const auto parts = split(path, '/');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].empty() || parts[i] == ".") continue;
    trusted = trusted && at.only_roots();
    auto next = enter(at, std::string(parts[i]), i + 1 == parts.size() ? kMode : kModeAbove);
    if (!next) return fail_errno(next.error().sys_errno, fmt::format("cannot make or open directory {}", path));
    at = std::move(*next);
  }
  return at;
}

Status named(const Status& st, const std::string& path) {
  return st ? Status() : fail_errno(st.error().sys_errno, fmt::format("cannot give directory {} away", path));
}

Status hand_over_spool(const std::string& path, const Identity& id, HandOver how) {
  bool trusted = false;
  REMEX_TRY(const Directory spool, reach(path, trusted));
  if (spool.owner() == id.uid && how == HandOver::missing) return {};
  for (const char* name : kSpoolDirectories)
    if (auto below = enter(spool, name, 0)) REMEX_CHECK(named(give(*below, id, false), path + "/" + name));
  if (spool.owner() == id.uid || !(trusted || spool.only_roots())) return {};
  return ::fchown(spool.fd(), id.uid, id.gid) == 0 ? Status() : named(fail_errno(errno, "chown"), path);
}

}  // namespace

Status hand_over_log_directories(const Identity& id, const lang::Config& config) {
  std::set<std::string> done{"", "/var/log"};  // never /var/log itself
  for (const std::string& path : config.main.log_file_path) {
    if (!path.starts_with('/')) continue;
    const std::string dir = path.substr(0, path.rfind('/'));
    // A directory that is chosen by %s or %D is made by the log.
    if (dir.find('%') != std::string::npos || !done.insert(dir).second) continue;
    bool trusted = false;
    REMEX_TRY(const Directory d, reach(dir, trusted));
    REMEX_CHECK(named(give(d, id, trusted), dir));
  }
  return {};
}

Status hand_over_directories(const Identity& id, const lang::Config& config, HandOver how) {
  REMEX_CHECK(hand_over_spool(config.main.spool_directory, id, how));
  return hand_over_log_directories(id, config);
}

}  // namespace remex::daemon
