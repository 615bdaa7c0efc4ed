// See checkpointer.h.
#include "core/store/checkpointer.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace remex::store {
namespace {

constexpr int kBusyMs = 10000;
constexpr std::size_t kZeros = 1 << 20;
constexpr std::uint64_t kFreeShare = 16;  ///< the log may take in advance this part of what is free

}  // namespace

Checkpointer::~Checkpointer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Checkpointer::request() {
  {
    const std::lock_guard lock(mutex_);
    if (wanted_) return;
    wanted_ = true;
    if (!thread_.joinable()) {
      sigset_t everything;
      sigset_t before;
      sigfillset(&everything);
      pthread_sigmask(SIG_SETMASK, &everything, &before);
      thread_ = std::thread([this] { run(); });
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
  }
  wake_.notify_one();
}

bool Checkpointer::busy() const {
  const std::lock_guard lock(mutex_);
  return wanted_;
}

int Checkpointer::copied() const {
  const std::lock_guard lock(mutex_);
  return copied_;
}

void Checkpointer::restarted() {
  const std::lock_guard lock(mutex_);
  copied_ = 0;
}

int Checkpointer::copy() {
  if (db_ && db_->moved()) db_.reset();
  if (!db_) {
    auto db = Database::open(path_, SQLITE_OPEN_READWRITE, kBusyMs);
    if (!db || !set_pragmas(**db, true)) return -1;
    db_ = std::move(*db);
  }
  int in_log = 0, copied = 0;
  const int rc = sqlite3_wal_checkpoint_v2(db_->raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  return rc == SQLITE_OK ? copied : -1;
}

void Checkpointer::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return stopping_ || wanted_; });
    if (stopping_) break;
    lock.unlock();
    const int n = copy();
    lock.lock();
    if (n >= 0) copied_ = n;
    wanted_ = false;
  }
  lock.unlock();
  db_.reset();
}

Status preallocate_log(Database& db, std::int64_t bytes) {
  const std::string path = db.path() + "-wal";
  if (const int rc = db.exec("BEGIN IMMEDIATE"); rc != SQLITE_OK) return db.fail("starting the log of the spool", rc);
  Status result;
  // Inside the transaction nobody else appends to the log.
  if (const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOFOLLOW); fd >= 0) {
    struct stat st{};
    struct statvfs v{};
    if (::fstat(fd, &st) == 0 && st.st_size < bytes && ::fstatvfs(fd, &v) == 0 &&
        static_cast<std::uint64_t>(bytes) * kFreeShare < static_cast<std::uint64_t>(v.f_bavail) * v.f_frsize) {
      const std::vector<char> zeros(kZeros);
      off_t at = st.st_size;
      while (at < bytes && result) {
        const auto n = static_cast<std::size_t>(std::min<std::int64_t>(bytes - at, static_cast<std::int64_t>(kZeros)));
        const ssize_t done = ::pwrite(fd, zeros.data(), n, at);
        if (done > 0) at += done;
        if (done < 0 && errno != EINTR) result = fail_errno(errno, fmt::format("lengthening {}", path));
      }
      if (result && ::fsync(fd) != 0) result = fail_errno(errno, fmt::format("sync {}", path));
    }
    ::close(fd);
  }
  db.exec("ROLLBACK");
  return result;
}

}  // namespace remex::store
