// exim_lock: locks a mailbox as deliveries do (a lock file, fcntl, flock, MBX rules) while a command runs.
#include <fcntl.h>
#include <fmt/core.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/base/strings.h"
#include "core/cli/utilities.h"

namespace remex::cli {

namespace {

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
  if (i >= args.size()) return false;
  o.file = args[i];
  if (i + 1 < args.size()) o.command = args[i + 1];
  return true;
}

/// Ends a blocking call, nothing else.
void on_alarm(int) {}

class Locker {
 public:
  explicit Locker(const LockOptions& o) : o_(o), lock_name_(o.file + ".lock") {
    char host[256] = "";
    ::gethostname(host, sizeof host - 1);
    hitch_name_ = fmt::format("{}.{}.{:08x}.{:08x}", lock_name_, host, std::time(nullptr), ::getpid());
    struct sigaction act{};
    act.sa_handler = on_alarm;
    ::sigaction(SIGALRM, &act, nullptr);  // without SA_RESTART
  }
  ~Locker() { release(); }
  Locker(const Locker&) = delete;
  Locker& operator=(const Locker&) = delete;

  int run() {
    if (o_.lockfile)
      more(fmt::format("exim_lock: lockname =  {}\n           hitchname = {}\n", lock_name_, hitch_name_));
    for (std::int64_t i = 0;; ++i) {
      if (i >= o_.retries) {
        fmt::print("exim_lock: locking failed too many times\n");
        return 1;
      }
      const Attempt got = attempt();
      if (got == Attempt::hopeless) return 1;
      if (got == Attempt::locked) break;
      release();
      if (o_.timeout > 0 && got == Attempt::timed_out) continue;
      fmt::print(" ... waiting\n");
      std::fflush(stdout);
      ::sleep(static_cast<unsigned>(o_.interval));
    }
    struct stat before{};
    const bool times = o_.restore_times && ::stat(o_.file.c_str(), &before) == 0;
    tell(fmt::format("exim_lock: locking {} succeeded: running the command ...\n", o_.file));
    command();
    if (times) {
      const timespec both[2] = {before.st_atim, before.st_mtim};
      (void)::utimensat(AT_FDCWD, o_.file.c_str(), both, AT_SYMLINK_NOFOLLOW);
    }
    return 0;
  }

 private:
  enum class Attempt : std::uint8_t { locked, busy, timed_out, hopeless };

  /// What the locking came to: unless -q.
  void tell(const std::string& text) const {
    if (o_.quiet) return;
    fmt::print("{}", text);
    std::fflush(stdout);
  }
  /// Every step: with -v.
  void more(const std::string& text) const {
    if (o_.verbose) tell(text);
  }

  void command() const {
    std::string line = o_.command;
    if (line.empty()) {
      const char* shell = std::getenv("SHELL");
      line = shell != nullptr && *shell != '\0' ? shell : "/bin/sh";
    }
    std::fflush(nullptr);
    const int status = std::system(line.c_str());  // NOLINT(cert-env33-c,concurrency-mt-unsafe): what it is for
    if (status != 0) tell(fmt::format("warning: nonzero status {}\n", status));
  }

  Attempt attempt() {
    if (o_.lockfile)
      if (const Attempt a = make_lock_file(); a != Attempt::locked) return a;
    if (!o_.fcntl_lock && !o_.flock_lock) return Attempt::locked;
    fd_ = ::open(o_.file.c_str(), O_RDWR | O_APPEND | O_CLOEXEC);
    if (fd_ < 0) {
      fmt::print("exim_lock: failed to open {} for writing: {}\n", o_.file, std::strerror(errno));
      return Attempt::hopeless;
    }
    if (const Attempt a = lock(fd_, !o_.mbx, o_.mbx ? "read lock" : "lock", ""); a != Attempt::locked) return a;
    return o_.mbx ? lock_mbx() : Attempt::locked;
  }

  Attempt make_lock_file() {
    more("exim_lock: creating lock file\n");
    const int fd = ::open(hitch_name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
    if (fd < 0) {
      fmt::print("exim_lock: failed to create hitching post {}: {}\n", hitch_name_, std::strerror(errno));
      return Attempt::hopeless;
    }
    // link() may have worked though it says not (NFS): the number of links tells.
    struct stat st{};
    const bool linked = ::link(hitch_name_.c_str(), lock_name_.c_str()) == 0;
    have_lock_file_ = ::fstat(fd, &st) == 0 && (st.st_nlink == 2 || (linked && st.st_nlink > 2));
    ::close(fd);
    ::unlink(hitch_name_.c_str());
    if (have_lock_file_)
      tell("exim_lock: lock file successfully created\n");
    else
      fmt::print("exim_lock: failed to link hitching post to lock file\n");
    return have_lock_file_ ? Attempt::locked : Attempt::busy;
  }

  /// `what` and `where` are for the report.
  Attempt lock(int fd, bool exclusive, std::string_view what, const std::string& where) {
    const auto with_limit = [&](auto&& call) {
      if (o_.timeout > 0) ::alarm(static_cast<unsigned>(o_.timeout));
      const bool got = call();
      const int err = errno;
      ::alarm(0);
      errno = err;
      return got;
    };
    const auto outcome = [&](std::string_view kind, bool got) {
      const int err = errno;
      if (got)
        tell(fmt::format("exim_lock: {}() {} successfully applied{}\n", kind, what, where));
      else
        fmt::print("exim_lock: {}() failed: {}\n", kind, std::strerror(err));
      return got ? Attempt::locked : err == EINTR ? Attempt::timed_out : Attempt::busy;
    };
    if (o_.fcntl_lock) {
      struct flock whole{};
      whole.l_type = exclusive ? F_WRLCK : F_RDLCK;
      whole.l_whence = SEEK_SET;
      const bool got = with_limit([&] { return ::fcntl(fd, o_.timeout > 0 ? F_SETLKW : F_SETLK, &whole) == 0; });
      if (const Attempt a = outcome("fcntl", got); a != Attempt::locked) return a;
    }
    if (!o_.flock_lock) return Attempt::locked;
    const int how = (exclusive ? LOCK_EX : LOCK_SH) | (o_.timeout > 0 ? 0 : LOCK_NB);
    return outcome("flock", with_limit([&] { return ::flock(fd, how) == 0; }));
  }

  /// MBX: a shared lock on the mailbox, an exclusive one on /tmp/.<device>.<inode>.
  Attempt lock_mbx() {
    struct stat box{}, st{};
    if (::fstat(fd_, &box) != 0) return Attempt::hopeless;
    mbx_name_ = fmt::format("/tmp/.{:x}.{:x}", box.st_dev, box.st_ino);
    if (::lstat(mbx_name_.c_str(), &st) == 0 && (!S_ISREG(st.st_mode) || st.st_nlink > 1)) {
      fmt::print("exim_lock: {} is a link\n", mbx_name_);
      return Attempt::hopeless;
    }
    mbx_fd_ = ::open(mbx_name_.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (mbx_fd_ < 0) {
      fmt::print("exim_lock: failed to open {} for MBX locking: {}\n", mbx_name_, std::strerror(errno));
      return Attempt::hopeless;
    }
    return lock(mbx_fd_, true, "lock", fmt::format(" to mbx lock file {}", mbx_name_));
  }

  /// The MBX lock file goes when nobody else shares the mailbox.
  void release_mbx() {
    struct flock whole{};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    const bool alone = o_.fcntl_lock ? ::fcntl(fd_, F_SETLK, &whole) == 0 : ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
    if (alone) {
      ::unlink(mbx_name_.c_str());
      tell(fmt::format("exim_lock: {} unlinked - no sharers\n", mbx_name_));
    } else {
      tell(
          fmt::format("exim_lock: {}() failed: {}\nexim_lock: {} not unlinked - unable to get exclusive mailbox lock\n",
                      o_.fcntl_lock ? "fcntl" : "flock", std::strerror(errno), mbx_name_));
    }
    ::close(std::exchange(mbx_fd_, -1));
    tell(fmt::format("exim_lock: {} closed\n", mbx_name_));
  }

  void release() {
    if (mbx_fd_ >= 0) release_mbx();
    if (fd_ >= 0) {
      ::close(std::exchange(fd_, -1));
      tell(fmt::format("exim_lock: {} closed\n", o_.file));
    }
    if (std::exchange(have_lock_file_, false)) {
      ::unlink(lock_name_.c_str());
      tell("exim_lock: lock file removed\n");
    }
  }

  const LockOptions& o_;
  std::string lock_name_, hitch_name_, mbx_name_;
  bool have_lock_file_ = false;
  int fd_ = -1, mbx_fd_ = -1;
};

}  // namespace

int run_lock(const std::vector<std::string>& args) {
  LockOptions o;
  if (!parse(args, o)) return usage();
  return Locker(o).run();
}

}  // namespace remex::cli
