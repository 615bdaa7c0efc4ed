// exim_lock: locks a mailbox as deliveries do (a lock file, fcntl, flock, MBX rules) while a command runs.
#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utime.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "core/base/strings.h"
#include "core/cli/utilities.h"

namespace remex::cli {

namespace {

constexpr std::time_t kStale = 30 * 60;

struct LockOptions {
  bool verbose = false, quiet = false, lockfile = false, fcntl_lock = false, flock_lock = false, mbx = false,
       restore_times = false;
  std::int64_t retries = 10, interval = 3, timeout = 0;
  std::string file, command;
};

int usage() {
  fmt::print(
      "usage: exim_lock [-v] [-q] [-lockfile] [-fcntl] [-flock] [-mbx]\n"
      "       [-retries <n>] [-interval <n>] [-timeout <n>] [-restore-times]\n"
      "       <file name> [command]\n");
  return 1;
}

bool parse(const std::vector<std::string>& args, LockOptions& o) {
  std::size_t i = 0;
  for (; i < args.size() && args[i].starts_with('-'); ++i) {
    const std::string& a = args[i];
    std::int64_t* number = a == "-retries"    ? &o.retries
                           : a == "-interval" ? &o.interval
                           : a == "-timeout"  ? &o.timeout
                                              : nullptr;
    if (number != nullptr) {
      if (i + 1 >= args.size()) return false;
      const auto n = parse_uint(args[++i]);
      if (!n) return false;
      *number = static_cast<std::int64_t>(*n);
      continue;
    }
    bool* flag = a == "-v"               ? &o.verbose
                 : a == "-q"             ? &o.quiet
                 : a == "-lockfile"      ? &o.lockfile
                 : a == "-fcntl"         ? &o.fcntl_lock
                 : a == "-flock"         ? &o.flock_lock
                 : a == "-mbx"           ? &o.mbx
                 : a == "-restore-times" ? &o.restore_times
                                         : nullptr;
    if (flag == nullptr) return false;
    *flag = true;
  }
  if (o.quiet) o.verbose = false;
  if (!o.lockfile && !o.fcntl_lock && !o.flock_lock && !o.mbx) o.lockfile = o.fcntl_lock = true;
  if (o.mbx && !o.fcntl_lock && !o.flock_lock) o.fcntl_lock = true;
  if (o.mbx && o.lockfile) return false;
  if (i >= args.size() || args.size() - i > 2) return false;
  o.file = args[i];
  if (i + 1 < args.size()) o.command = args[i + 1];
  return true;
}

class Locker {
 public:
  explicit Locker(const LockOptions& o) : o_(o) {}
  ~Locker() { release(); }
  Locker(const Locker&) = delete;
  Locker& operator=(const Locker&) = delete;

  int run() {
    if (o_.lockfile && !make_lock_file()) return 1;
    fd_ = ::open(o_.file.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd_ < 0) {
      fmt::print("exim_lock: failed to open {} for writing: {}\n", o_.file, std::strerror(errno));
      return 1;
    }
    struct stat before{};
    if (::fstat(fd_, &before) != 0) return 1;
    if (o_.mbx && !lock_mbx(before)) return 1;
    if (!lock_file(fd_, !o_.mbx)) return 1;
    if (o_.fcntl_lock) say("exim_lock: fcntl() lock successfully applied\n");
    if (o_.flock_lock) say("exim_lock: flock() lock successfully applied\n");
    say(fmt::format("exim_lock: locking {} succeeded: running the command ...\n", o_.file));
    const int rc = command();
    if (o_.restore_times) {
      const timespec times[2] = {before.st_atim, before.st_mtim};
      (void)::futimens(fd_, times);
    }
    return rc;
  }

 private:
  void say(const std::string& text) const {
    if (!o_.verbose) return;
    fmt::print("{}", text);
    std::fflush(stdout);
  }

  int command() const {
    std::string line = o_.command;
    if (line.empty()) {
      const char* shell = std::getenv("SHELL");
      line = shell != nullptr && *shell != '\0' ? shell : "/bin/sh";
    }
    std::fflush(nullptr);
    const int status = std::system(line.c_str());  // NOLINT(cert-env33-c,concurrency-mt-unsafe): what it is for
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 0;
  }

  bool make_lock_file() {
    lock_name_ = o_.file + ".lock";
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    const std::string hitch = fmt::format("{}.{}.{:08x}.{:08x}", lock_name_, host, std::time(nullptr), ::getpid());
    say(fmt::format("exim_lock: lockname =  {}\n           hitchname = {}\n", lock_name_, hitch));
    for (std::int64_t i = 0;; ++i) {
      say("exim_lock: creating lock file\n");
      const int fd = ::open(hitch.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
      if (fd < 0) {
        fmt::print("exim_lock: failed to create hitching post {}: {}\n", hitch, std::strerror(errno));
        lock_name_.clear();
        return false;
      }
      // link() may have worked though it says not (NFS): the number of links tells.
      struct stat st{};
      const bool got = (::link(hitch.c_str(), lock_name_.c_str()) == 0 || ::fstat(fd, &st) == 0) &&
                       ::fstat(fd, &st) == 0 && st.st_nlink == 2;
      ::close(fd);
      ::unlink(hitch.c_str());
      if (got) break;
      if (::stat(lock_name_.c_str(), &st) == 0 && std::time(nullptr) - st.st_mtime > kStale) {
        say("exim_lock: unlinking old lock file\n");
        ::unlink(lock_name_.c_str());
        continue;
      }
      if (i >= o_.retries) {
        fmt::print("exim_lock: lock file {} already exists\n", lock_name_);
        lock_name_.clear();
        return false;
      }
      say(fmt::format("exim_lock: lock file already exists, sleep {} seconds\n", o_.interval));
      ::sleep(static_cast<unsigned>(o_.interval));
    }
    say("exim_lock: lock file successfully created\n");
    return true;
  }

  bool lock_file(int fd, bool exclusive) {
    for (std::int64_t i = 0;; ++i) {
      struct flock whole{};
      whole.l_type = exclusive ? F_WRLCK : F_RDLCK;
      whole.l_whence = SEEK_SET;
      bool got = true;
      if (o_.fcntl_lock) {
        if (o_.timeout > 0) ::alarm(static_cast<unsigned>(o_.timeout));
        got = ::fcntl(fd, o_.timeout > 0 ? F_SETLKW : F_SETLK, &whole) == 0;
        ::alarm(0);
      }
      if (got && o_.flock_lock) got = ::flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) == 0;
      if (got) return true;
      if (i >= o_.retries) {
        fmt::print("exim_lock: failed to lock {}: {}\n", o_.file, std::strerror(errno));
        return false;
      }
      say(fmt::format("exim_lock: lock not obtained, sleep {} seconds\n", o_.interval));
      ::sleep(static_cast<unsigned>(o_.interval));
    }
  }

  /// MBX: an exclusive lock on /tmp/.<device>.<inode>, a shared one on the mailbox.
  bool lock_mbx(const struct stat& box) {
    mbx_name_ = fmt::format("/tmp/.{:x}.{:x}", box.st_dev, box.st_ino);
    struct stat st{};
    if (::lstat(mbx_name_.c_str(), &st) == 0 && (S_ISLNK(st.st_mode) || st.st_nlink > 1)) {
      fmt::print("exim_lock: {} is a link\n", mbx_name_);
      mbx_name_.clear();
      return false;
    }
    mbx_fd_ = ::open(mbx_name_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (mbx_fd_ < 0) {
      fmt::print("exim_lock: failed to open {} for MBX locking: {}\n", mbx_name_, std::strerror(errno));
      return false;
    }
    return lock_file(mbx_fd_, true);
  }

  void release() {
    if (mbx_fd_ >= 0) {
      ::unlink(mbx_name_.c_str());
      ::close(mbx_fd_);
    }
    if (fd_ >= 0) {
      ::close(fd_);
      say(fmt::format("exim_lock: {} closed\n", o_.file));
    }
    if (!lock_name_.empty()) {
      ::unlink(lock_name_.c_str());
      say("exim_lock: lock file removed\n");
    }
  }

  const LockOptions& o_;
  int fd_ = -1, mbx_fd_ = -1;
  std::string lock_name_, mbx_name_;
};

}  // namespace

int run_lock(const std::vector<std::string>& args) {
  LockOptions o;
  if (!parse(args, o)) return usage();
  return Locker(o).run();
}

}  // namespace remex::cli
