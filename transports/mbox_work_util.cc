// One message behind the others in a mailbox file (mbox): safe creation, locks, quota, append, sync.
//
// Runs in a courier's child as the recipient. On any failure the file has its old length again and the answer says why;
// a lock file never outlives the delivery unless the process is killed, and is then removed when it is old.
//
// The delivery counts when the answer was sent, which is done with the mailbox locked: who asked and waits no longer
// cannot be told, and then the message is taken back. So a disk that is slow for a long time makes no second copy: the
// next attempt meets the locks until it is decided.
#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <ctime>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "transports/courier_work.h"
#include "transports/files_work.h"

namespace remex::transports {
namespace {

constexpr int kCreateTries = 5;  ///< the file came or went between two looks

/// Puts off the signal that says the time is over (core/io/courier.h): all waits in here end by themselves, but for
/// that on the disk, and a message must not stay in the middle. In a thread all signals are held back already.
class HoldAlarm {
 public:
  HoldAlarm() {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &alarm, &before_);
  }
  ~HoldAlarm() { (void)pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HoldAlarm(const HoldAlarm&) = delete;
  HoldAlarm& operator=(const HoldAlarm&) = delete;

 private:
  sigset_t before_;
};

/// It came: nobody waits any more.
bool time_is_over() {
  sigset_t pending;
  return ::sigpending(&pending) == 0 && ::sigismember(&pending, SIGALRM) == 1;
}

/// mailbox.lock, made by linking a name of our own to it (works on NFS too).
class LockFile {
 public:
  explicit LockFile(const std::string& mailbox) : name_(mailbox + ".lock") {}
  ~LockFile() { release(); }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  Status acquire(const io::Fields& f) {
    const std::int64_t tries = std::max<std::int64_t>(1, number(f, "lock_retries", 10));
    const std::int64_t old = number(f, "lockfile_timeout", 1800);
    char host[65] = {};
    (void)::gethostname(host, sizeof host - 1);
    const std::string mine =
        fmt::format("{}.{}.{:x}.{:08x}.{:08x}", name_, host, own_number(), ::time(nullptr), ::getpid());
    const auto mode = static_cast<mode_t>(number(f, "lockfile_mode", 0600));
    const Fd fd(::open(mine.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!fd) {
      const int error = errno;
      Error e = fail_errno(error, "").error();
      e.text = fmt::format("creating lock file hitching post {} (euid={} egid={})", mine, ::geteuid(), ::getegid());
      return std::unexpected(std::move(e));
    }
    (void)::fchmod(fd.get(), mode);  // whatever the umask is
    for (std::int64_t i = 0; i < tries && !time_is_over(); ++i) {
      if (i > 0) ::sleep(static_cast<unsigned>(std::max<std::int64_t>(1, number(f, "lock_interval", 3))));
      struct stat st{};
      if (::link(mine.c_str(), name_.c_str()) == 0 || (::fstat(fd.get(), &st) == 0 && st.st_nlink == 2)) {
        held_ = true;
        break;
      }
      if (::stat(name_.c_str(), &st) == 0 && old > 0 && st.st_mtime + old < ::time(nullptr))
        ::unlink(name_.c_str());  // its maker is long dead
    }
    ::unlink(mine.c_str());
    if (held_) return {};
    return defer(fmt::format("failed to lock mailbox {} (lock file)", name_.substr(0, name_.rfind('.'))));
  }

  void release() {
    if (held_) ::unlink(name_.c_str());
    held_ = false;
  }

 private:
  std::string name_;
  bool held_ = false;
};

Status check_existing(const std::string& path, const struct stat& st, const io::Fields& f) {
  if (!S_ISREG(st.st_mode)) {
    const bool fifo = S_ISFIFO(st.st_mode) && number(f, "allow_fifo") != 0;
    if (!fifo) return fail(ErrorKind::defer, fmt::format("mailbox {} is not a regular file", path));
  }
  if (number(f, "check_owner", 1) != 0 && st.st_uid != ::geteuid())
    return defer(fmt::format("mailbox {} has wrong uid ({} != {})", path, st.st_uid, ::geteuid()));
  if (number(f, "check_group") != 0 && st.st_gid != ::getegid())
    return defer(fmt::format("mailbox {} has wrong gid ({} != {})", path, st.st_gid, ::getegid()));
  if (st.st_nlink > 1) return defer(fmt::format("mailbox {} has too many links ({})", path, st.st_nlink));
  return {};
}

/// The mode may become narrower than it is, never wider.
Status check_mode(int fd, const std::string& path, const struct stat& st, const io::Fields& f) {
  const auto want = static_cast<mode_t>(number(f, "mode", 0600));
  const mode_t has = st.st_mode & 07777U;
  if (has == want) return {};
  const mode_t both = has & want;
  if (both != want && number(f, "mode_fail_narrower", 1) != 0)
    return defer(fmt::format("mailbox {} has the wrong mode {:03o} ({:03o} expected)", path, has, want));
  if (both != has && ::fchmod(fd, both) != 0)
    return fail_errno(errno, fmt::format("attempt to chmod mailbox {}", path));
  return {};
}

struct Opened {
  Fd fd;
  std::string created;  ///< the file's own name when it was made just now; else empty
  struct stat st{};
};

/// Where a symbolic link leads that leads nowhere yet: the name of the file to be made.
Result<std::string> end_of_links(std::string path) {
  constexpr int kMost = 8;
  for (int i = 0; i < kMost; ++i) {
    char to[PATH_MAX];
    const ssize_t n = ::readlink(path.c_str(), to, sizeof(to));
    if (n < 0 && (errno == EINVAL || errno == ENOENT)) return path;
    if (n < 0) return fail_errno(errno, fmt::format("while following symlink {}", path));
    const std::string_view target(to, static_cast<std::size_t>(n));
    path =
        target.starts_with('/') ? std::string(target) : fmt::format("{}/{}", path.substr(0, path.rfind('/')), target);
  }
  return defer(fmt::format("symlink {} leads to too many others", path));
}

/// Makes the file; errors: EEXIST when something of that name, also a symbolic link, came meanwhile.
Result<Opened> create(const std::string& path, const io::Fields& f) {
  const auto mode = static_cast<mode_t>(number(f, "mode", 0600));
  Opened o;
  o.fd = Fd(::open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_EXCL | O_NOFOLLOW, mode));
  if (!o.fd) return fail_errno(errno, fmt::format("while creating mailbox {}", path));
  o.created = path;
  if (::fchmod(o.fd.get(), mode) != 0 || ::fstat(o.fd.get(), &o.st) != 0)
    return fail_errno(errno, fmt::format("while setting perms on mailbox {}", path));
  return o;
}

Result<Opened> open_mailbox(const std::string& path, const io::Fields& f) {
  for (int i = 0; i < kCreateTries; ++i) {
    struct stat seen{};
    if (::lstat(path.c_str(), &seen) != 0) {
      if (errno != ENOENT) return fail_errno(errno, fmt::format("stat {}", path));
      if (number(f, "file_must_exist") != 0)
        return std::unexpected(Error{
            ErrorKind::defer, fmt::format("mailbox {} does not exist, but file_must_exist is set", path), ENOENT});
      if (text(f, "may_create") != "1") return defer(fmt::format("may not create mailbox {} (create_file)", path));
      const std::string dir = path.substr(0, path.rfind('/'));
      if (number(f, "create_directory", 1) != 0 && !dir.empty() && ::access(dir.c_str(), F_OK) != 0)
        REMEX_CHECK(make_directories(dir, static_cast<mode_t>(number(f, "directory_mode", 0700))));
      auto made = create(path, f);
      if (!made && made.error().sys_errno == EEXIST) continue;
      return made;
    }
    const bool link = S_ISLNK(seen.st_mode);
    if (link) {
      if (number(f, "allow_symlink") == 0) return defer(fmt::format("mailbox {} is a symlink", path));
      if (seen.st_uid != ::geteuid()) return defer(fmt::format("symlink {} has the wrong owner", path));
      const bool there = ::stat(path.c_str(), &seen) == 0;
      if (!there && errno == ENOENT && number(f, "file_must_exist") == 0 && text(f, "may_create") == "1") {
        REMEX_TRY(const std::string target, end_of_links(path));
        auto made = create(target, f);
        if (!made && made.error().sys_errno == EEXIST) continue;
        return made;
      }
      if (!there) return fail_errno(errno, fmt::format("stat {}", path));
    }
    REMEX_CHECK(check_existing(path, seen, f));
    Opened o;
    const int follow = link ? 0 : O_NOFOLLOW;
    const int fifo = S_ISFIFO(seen.st_mode) ? O_WRONLY | O_NONBLOCK : O_RDWR | O_APPEND;
    const int fd = ::open(path.c_str(), fifo | follow | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) continue;
    if (fd < 0 && S_ISFIFO(seen.st_mode))
      return fail_errno(errno, fmt::format("while opening named pipe {} (could mean no process is reading it)", path));
    if (fd < 0) return fail_errno(errno, fmt::format("while opening mailbox {}", path));
    o.fd = Fd(fd);
    if (::fstat(o.fd.get(), &o.st) != 0) return fail_errno(errno, "fstat");
    if (o.st.st_ino != seen.st_ino || o.st.st_dev != seen.st_dev)
      return defer(fmt::format("opened mailbox {} inode number changed from {} to {}", path, seen.st_ino, o.st.st_ino));
    REMEX_CHECK(check_existing(path, o.st, f));
    REMEX_CHECK(check_mode(o.fd.get(), path, o.st, f));
    return o;
  }
  return defer(fmt::format("mailbox {} keeps appearing and vanishing", path));
}

/// The lock of fcntl(2), for the open file and not for the process: deliveries that are threads of one process exclude
/// each other, too, and closing another descriptor of the file takes it from nobody. Who locks for his process meets
/// it.
int fcntl_lock(int fd, short type) {
  struct flock l{};
  l.l_type = type;
  l.l_whence = SEEK_SET;
  return ::fcntl(fd, F_OFD_SETLK, &l);
}

/// One attempt: takes what is wanted, waiting up to `seconds` for it. Neither lock can be waited for with a deadline,
/// so they are asked for again until then. Returns 0 or an errno.
int lock_within(int fd, bool by_fcntl, bool by_flock, std::int64_t seconds) {
  constexpr unsigned kPause = 20'000;  // microseconds
  const Instant end = monotonic_now() + Seconds(seconds);
  for (;;) {
    const bool mine = !by_fcntl || fcntl_lock(fd, F_WRLCK) == 0;
    if (mine && (!by_flock || ::flock(fd, LOCK_EX | LOCK_NB) == 0)) return 0;
    const int err = errno;
    if (monotonic_now() >= end || time_is_over()) return err;
    ::usleep(kPause);
  }
}

/// At the end of a delivery: a process that is being started at this moment may have the open file for a little longer.
struct Unlock {
  int fd;
  explicit Unlock(int locked) : fd(locked) {}
  ~Unlock() {
    (void)fcntl_lock(fd, F_UNLCK);
    (void)::flock(fd, LOCK_UN);
  }
  Unlock(const Unlock&) = delete;
  Unlock& operator=(const Unlock&) = delete;
};

/// lock_retries attempts, lock_interval apart; with a time-out as many as last as long as those would, one after the
/// other (the manual, 26.3).
Status lock(int fd, const std::string& path, const io::Fields& f) {
  const bool by_fcntl = number(f, "use_fcntl_lock", 1) != 0, by_flock = number(f, "use_flock_lock") != 0;
  if (!by_fcntl && !by_flock) return {};
  const std::int64_t interval = std::max<std::int64_t>(1, number(f, "lock_interval", 3));
  const std::int64_t timeout =
      std::max(by_fcntl ? number(f, "lock_fcntl_timeout") : 0, by_flock ? number(f, "lock_flock_timeout") : 0);
  std::int64_t tries = std::max<std::int64_t>(1, number(f, "lock_retries", 10));
  if (timeout > 0) tries = std::max<std::int64_t>(1, (tries * interval + timeout - 1) / timeout);
  int err = EAGAIN;
  for (std::int64_t i = 0; i < tries && !time_is_over(); ++i) {
    if (i > 0 && timeout <= 0) ::sleep(static_cast<unsigned>(interval));
    err = lock_within(fd, by_fcntl, by_flock, std::max<std::int64_t>(0, timeout));
    if (err == 0) return {};
  }
  const std::string why = fmt::format("failed to lock mailbox {} ({})", path, by_flock ? "fcntl or flock" : "fcntl");
  // Somebody else has it; or there are no locks here, which says more.
  if (err == EAGAIN || err == EACCES) return defer(why);
  return fail_errno(err, why);
}

/// The mailbox is again as it was when it was locked: what this delivery wrote behind it goes, and a file it made for
/// nothing. A file that got somebody else's mail meanwhile (it was made first and locked later, or he knows none of our
/// locks) keeps that.
void take_back(const Opened& box, const struct stat& before, std::uint64_t written) {
  if (!S_ISREG(before.st_mode)) return;
  struct stat now{};
  if (::fstat(box.fd.get(), &now) != 0 || now.st_size != before.st_size + static_cast<off_t>(written)) return;
  if (written > 0) {
    (void)!::ftruncate(box.fd.get(), before.st_size);
    (void)::fsync(box.fd.get());
  }
  if (!box.created.empty() && before.st_size == 0) ::unlink(box.created.c_str());
}

/// The message behind what was there, and on the disk. Returns 0 or an errno; `written` grows by what was written.
int put(const Opened& box, const std::string& path, const struct stat& before, std::string_view message, bool sync,
        std::uint64_t& written) {
  const int fd = box.fd.get();
  if (const int err = write_all(fd, message, &written); err != 0) return err;
  if (!sync || !S_ISREG(before.st_mode)) return 0;
  if (::fsync(fd) != 0) return errno;
  // An empty file may be new, and whoever made it need not have come to its name yet.
  if (before.st_size > 0) return 0;
  auto name = box.created.empty() ? end_of_links(path) : Result<std::string>(box.created);
  Status synced = name ? sync_parent(*name, fd) : Status(std::unexpected(name.error()));
  return synced ? 0 : std::max(1, synced.error().sys_errno);
}

using Tell = std::function<Status(const io::Fields&)>;

io::Fields told(const Tell& tell, const io::Fields& answer) {
  if (Status sent = tell(answer); !sent) return failure(defer("nobody waits for the delivery any more").error());
  return {};
}

/// Seconds since the mailbox was read, for retry rules with quota_<time>.
std::string quota_word(const struct stat& st) {
  return fmt::format("quota_{}", std::max<std::int64_t>(0, ::time(nullptr) - st.st_atime));
}

}  // namespace

io::Fields append_to_mailbox(const io::Fields& f, std::string_view message, const Tell& tell) {
  const std::string path = text(f, "path");
  if (path == "/dev/null") return told(tell, {});
  const HoldAlarm no_end_in_the_middle;
  LockFile lock_file(path);
  if (number(f, "use_lockfile", 1) != 0) {
    const std::string dir = path.substr(0, path.rfind('/'));
    if (text(f, "may_create") == "1" && number(f, "create_directory", 1) != 0 && !dir.empty() &&
        ::access(dir.c_str(), F_OK) != 0)
      if (Status made = make_directories(dir, static_cast<mode_t>(number(f, "directory_mode", 0700))); !made)
        return failure(made.error());
    if (Status locked = lock_file.acquire(f); !locked) return failure(locked.error());
  }
  auto box = open_mailbox(path, f);
  if (!box) return failure(box.error());
  if (Status locked = lock(box->fd.get(), path, f); !locked) return failure(locked.error());
  const Unlock unlock(box->fd.get());
  struct stat now{}, named{};
  if (::fstat(box->fd.get(), &now) != 0) return failure(fail_errno(errno, "fstat").error());
  // Whoever had the lock may have replaced the file.
  if (::stat(path.c_str(), &named) != 0 || named.st_ino != now.st_ino)
    return failure(defer(fmt::format("mailbox {} was replaced while it was being locked", path)).error());

  io::Fields answer;
  const std::int64_t quota = number(f, "quota");
  const std::int64_t used = number(f, "mailbox_size", -1) >= 0 ? number(f, "mailbox_size") : now.st_size;
  const auto size = static_cast<std::int64_t>(message.size());
  const std::int64_t counted = number(f, "quota_is_inclusive", 1) != 0 ? used + size : used;
  if (quota > 0 && counted > quota && number(f, "quota_unchecked") == 0) {
    const struct stat before = now;
    take_back(*box, now, 0);
    return failure(Error{ErrorKind::defer,
                         fmt::format("mailbox is full (MTA-imposed quota exceeded while writing to {})", path), 0},
                   quota_word(before));
  }
  std::uint64_t written = 0;
  if (const int err = put(*box, path, now, message, number(f, "sync", 1) != 0, written); err != 0) {
    take_back(*box, now, written);
    const std::string why = err == EDQUOT ? fmt::format("mailbox is full (system quota exceeded writing to {})", path)
                                          : fmt::format("error while writing to {}", path);
    return failure(Error{ErrorKind::defer, why, err}, err == EDQUOT ? quota_word(now) : "");
  }
  // Mail readers tell new mail by an access time before the modification time.
  if (S_ISREG(now.st_mode)) {
    const timespec times[2] = {!box->created.empty() ? timespec{::time(nullptr) - 1, 0} : now.st_atim, {0, UTIME_NOW}};
    (void)::futimens(box->fd.get(), times);
  }
  const std::int64_t warn = number(f, "quota_warn");
  if (warn > 0 && used < warn && used + size >= warn) answer["warn"].assign(1, '1');
  answer["file"] = path;
  io::Fields result = told(tell, answer);
  if (!result.empty()) take_back(*box, now, written);
  return result;
}

}  // namespace remex::transports
