// Writing one message into a maildir, durably and never half. Runs in a thread of the pool.
//
// The file has no name until it is complete (O_TMPFILE in tmp/), is synced, gets its name in new/ by linkat(2), and the
// directory new/ is synced; deliveries to the same directory share that last sync, which a server puts off until just
// before it forgets the message (core/io/settler.h). Where the file system has no
// O_TMPFILE the file is tmp/temp.<name>: a copying tool that skips *temp* never sees a part of a message.
//
// Symbolic links: tmp, new and cur must be real directories. A link in the path of the mailbox is followed only when
// root or the delivering user owns it.
#include <fcntl.h>
#include <fmt/core.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <map>
#include <mutex>
#include <vector>

#include "core/base/strings.h"
#include "transports/files_work.h"
#include "transports/internal.h"
#include "transports/large_file.h"

namespace remex::transports {
namespace {

constexpr int kTries = 3;  ///< a temporary file that vanishes is written again this often

/// open without following symbolic links anywhere; ENOSYS (old kernel) falls back to O_NOFOLLOW for the last component.
int open_plain(int at, const char* path, int flags) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long fd = syscall(SYS_openat2, at, path, &how, sizeof how);
  if (fd < 0 && (errno == ENOSYS || errno == EPERM)) return ::openat(at, path, flags | O_CLOEXEC | O_NOFOLLOW);
  return static_cast<int>(fd);
}

Status bad(int err, const std::string& what) { return fail_errno(err, what); }

/// Every symbolic link on the way must belong to root or to `owner`.
Status check_links(const std::string& path, uid_t owner) {
  for (std::size_t at = path.find('/', 1);; at = path.find('/', at + 1)) {
    const std::string part = path.substr(0, at);
    struct stat st{};
    if (::lstat(part.c_str(), &st) != 0) return bad(errno, part);
    if (S_ISLNK(st.st_mode) && st.st_uid != 0 && st.st_uid != owner)
      return std::unexpected(
          Error{ErrorKind::failed, fmt::format("{} is a symbolic link of uid {}", part, st.st_uid), ELOOP});
    if (at == std::string::npos) return {};
  }
}

Result<Fd> open_mailbox(const std::string& path, uid_t owner) {
  int fd = open_plain(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY);
  if (fd < 0 && errno == ELOOP) {
    REMEX_CHECK(check_links(path, owner));
    fd = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  }
  if (fd < 0) return fail_errno(errno, path);
  return Fd(fd);
}

/// `made` grows by the name when it was not there.
Result<Fd> open_subdirectory(int mailbox, const std::string& path, const char* name, const MaildirJob& job,
                             std::vector<const char*>& made) {
  int fd = open_plain(mailbox, name, O_RDONLY | O_DIRECTORY);
  if (fd < 0 && errno == ENOENT && job.create_directory) {
    if (::mkdirat(mailbox, name, job.directory_mode) == 0)
      made.push_back(name);
    else if (errno != EEXIST)
      return fail_errno(errno, fmt::format("failed to create {}/{}", path, name));
    // The umask may have taken bits away.
    if (::fchmodat(mailbox, name, job.directory_mode, 0) != 0 && errno != ENOENT)
      return fail_errno(errno, fmt::format("failed to set the mode of {}/{}", path, name));
    fd = open_plain(mailbox, name, O_RDONLY | O_DIRECTORY);
  }
  if (fd < 0) return fail_errno(errno, fmt::format("{}/{}", path, name));
  return Fd(fd);
}

struct Subdirectories {
  Fd tmp, fresh;  ///< new is no name here
};

/// tmp and new, and cur beside them. Those that had to be made are durable, or are not left.
Result<Subdirectories> open_subdirectories(int mailbox, const MaildirJob& job) {
  Subdirectories s;
  std::vector<const char*> made;
  REMEX_TRY(s.tmp, open_subdirectory(mailbox, job.directory, "tmp", job, made));
  REMEX_TRY(s.fresh, open_subdirectory(mailbox, job.directory, "new", job, made));
  REMEX_TRY(const Fd cur, open_subdirectory(mailbox, job.directory, "cur", job, made));
  if (made.empty() || !job.sync) return s;
  const Fd dir(::openat(mailbox, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (Status synced = sync_names(dir.get(), s.fresh.get(), job.directory); !synced) {
    for (const char* name : made) ::unlinkat(mailbox, name, AT_REMOVEDIR);
    return std::unexpected(synced.error());
  }
  return s;
}

// ------------------------------------------------------------------ one sync for all who wait

struct DirectorySync {
  std::mutex mutex;
  std::condition_variable done;
  std::uint64_t asked = 0, synced = 0;
  bool running = false;
  int waiters = 0;
};

std::mutex directories_mutex;
std::map<std::pair<dev_t, ino_t>, std::shared_ptr<DirectorySync>> directories;

/// Returns when the directory was synced by a call that began after this one. 0 or errno.
int sync_directory(int fd) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return errno;
  const auto key = std::make_pair(st.st_dev, st.st_ino);
  std::shared_ptr<DirectorySync> d;
  {
    const std::lock_guard lock(directories_mutex);
    auto& slot = directories[key];
    if (!slot) slot = std::make_shared<DirectorySync>();
    d = slot;
    ++d->waiters;
  }
  int err = 0;
  {
    std::unique_lock lock(d->mutex);
    const std::uint64_t ticket = ++d->asked;
    while (d->synced < ticket && err == 0) {
      if (d->running) {
        d->done.wait(lock);
        continue;
      }
      d->running = true;
      const std::uint64_t upto = d->asked;
      lock.unlock();
      const int rc = ::fsync(fd) == 0 ? 0 : errno;
      lock.lock();
      d->running = false;
      if (rc == 0) {
        d->synced = upto;
      } else {
        err = rc;  // the others try for themselves
      }
      d->done.notify_all();
    }
  }
  const std::lock_guard lock(directories_mutex);
  if (--d->waiters == 0) directories.erase(key);
  return err;
}

// ------------------------------------------------------------------ the file

std::string with_crlf(std::string_view s) {
  std::string out;
  out.reserve(s.size() + s.size() / 32);
  for (const char c : s) {
    if (c == '\n') out += '\r';
    out += c;
  }
  return out;
}

Status write_message(int fd, const MaildirJob& job, std::uint64_t& total) {
  const std::string* memory = job.body ? job.body->in_memory() : nullptr;
  if (!job.crlf && (memory != nullptr || !job.body)) {
    static constexpr std::string_view kNothing;
    const std::string_view body = memory != nullptr ? std::string_view(*memory) : kNothing;
    // One call for the whole of a small message.
    iovec parts[3] = {{const_cast<char*>(job.head.data()), job.head.size()},
                      {const_cast<char*>(body.data()), body.size()},
                      {const_cast<char*>(job.tail.data()), job.tail.size()}};
    const ssize_t n = ::writev(fd, parts, 3);
    if (n < 0 && errno != EINTR) return bad(errno, "write");
    std::size_t done = n > 0 ? static_cast<std::size_t>(n) : 0;
    total += done;
    for (std::string_view part : {std::string_view(job.head), body, std::string_view(job.tail)}) {
      const std::size_t skip = std::min(done, part.size());
      done -= skip;
      if (const int err = write_all(fd, part.substr(skip), &total); err != 0) return bad(err, "write");
    }
    return {};
  }
  LargeFile file(fd);
  const auto put = [&](std::string_view s) { return job.crlf ? file.put(with_crlf(s)) : file.put(s); };
  Status written = put(job.head);
  if (written && job.body) written = job.body->for_each(put);
  if (written) written = put(job.tail);
  if (written) written = file.finish();
  total += file.written();
  return written;
}

bool exists(int dir, const std::string& name) { return ::faccessat(dir, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0; }

/// An earlier run of the same delivery got as far as new/ (or the reader has moved the file on already).
bool was_delivered(int mailbox, int new_dir, const MaildirJob& job) {
  if (exists(new_dir, job.name)) return true;
  if (!job.look_in_cur) return false;
  for (const char* flags : {"", ":2,", ":2,S"})
    if (exists(mailbox, fmt::format("cur/{}{}", job.name, flags))) return true;
  return false;
}

struct Temporary {
  Fd fd;
  std::string name;  ///< empty: the file has no name yet
};

Result<Temporary> open_temporary(int tmp_dir, const MaildirJob& job, int attempt) {
  Temporary t;
  const int nameless = ::openat(tmp_dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, job.mode);
  if (nameless >= 0) {
    t.fd = Fd(nameless);
  } else {
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
      return fail_errno(errno, fmt::format("failed to create a file in {}/tmp", job.directory));
    t.name = fmt::format("temp.{}.{}", job.name, attempt);
    ::unlinkat(tmp_dir, t.name.c_str(), 0);  // left by a crash of this very delivery
    t.fd = Fd(::openat(tmp_dir, t.name.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, job.mode));
    if (!t.fd) return fail_errno(errno, fmt::format("failed to create {}/tmp/{}", job.directory, t.name));
  }
  if (::fchmod(t.fd.get(), job.mode) != 0) return fail_errno(errno, "fchmod");  // the umask has no say
  return t;
}

/// 0, or errno. ENOENT: the temporary file vanished.
int link_into_new(const Temporary& t, int tmp_dir, int new_dir, const std::string& name) {
  if (!t.name.empty()) {
    const int err = ::linkat(tmp_dir, t.name.c_str(), new_dir, name.c_str(), 0) == 0 ? 0 : errno;
    if (err != ENOENT) ::unlinkat(tmp_dir, t.name.c_str(), 0);
    return err;
  }
  char proc[40];
  std::snprintf(proc, sizeof proc, "/proc/thread-self/fd/%d", t.fd.get());
  return ::linkat(AT_FDCWD, proc, new_dir, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
}

/// The entry in new/ becomes durable: here, or by the caller.
Status settle(Fd new_dir, const MaildirJob& job, MaildirOutcome& out) {
  if (!job.sync) return {};
  if (job.settle_later) {
    out.unsynced = std::make_shared<const io::UnsyncedDirectory>(new_dir.release(), job.directory + "/new");
    return {};
  }
  const int err = sync_directory(new_dir.get());
  return err == 0 ? Status() : bad(err, fmt::format("sync {}/new", job.directory));
}

}  // namespace

Result<MaildirOutcome> deliver_to_maildir(const MaildirJob& job) {
  const FileIdentity identity(job.identity);
  if (!identity.ok()) return fail_errno(EPERM, fmt::format("cannot act as uid {}", job.identity.uid));

  auto mailbox = open_mailbox(job.directory, job.identity.uid);
  if (!mailbox && mailbox.error().sys_errno == ENOENT && job.create_directory) {
    REMEX_CHECK(make_directories(job.directory, job.directory_mode));
    mailbox = open_mailbox(job.directory, job.identity.uid);
  }
  if (!mailbox) return std::unexpected(mailbox.error());
  REMEX_TRY(Subdirectories sub, open_subdirectories(mailbox->get(), job));
  const Fd tmp_dir = std::move(sub.tmp);
  Fd new_dir = std::move(sub.fresh);

  MaildirOutcome out;
  if (was_delivered(mailbox->get(), new_dir.get(), job)) {
    out.repeated = true;
    REMEX_CHECK(settle(std::move(new_dir), job, out));
    return out;
  }
  for (int attempt = 0;; ++attempt) {
    REMEX_TRY(const Temporary t, open_temporary(tmp_dir.get(), job, attempt));
    out.bytes = 0;
    Status written = write_message(t.fd.get(), job, out.bytes);
    if (written && job.sync && ::fdatasync(t.fd.get()) != 0) written = bad(errno, "fdatasync");
    if (!written) {
      if (!t.name.empty()) ::unlinkat(tmp_dir.get(), t.name.c_str(), 0);
      Error e = written.error();
      e.text = fmt::format("{}: {}", job.directory, e.text);
      return std::unexpected(std::move(e));
    }
    const int err = link_into_new(t, tmp_dir.get(), new_dir.get(), job.name);
    if (err == 0) break;
    if (err == EEXIST) {  // two runs of the same delivery
      out.repeated = true;
      break;
    }
    if (err != ENOENT || attempt + 1 >= kTries)
      return fail_errno(err, fmt::format("failed to link {}/new/{}", job.directory, job.name));
  }
  REMEX_CHECK(settle(std::move(new_dir), job, out));
  return out;
}

}  // namespace remex::transports
