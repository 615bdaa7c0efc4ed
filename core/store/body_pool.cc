// See body_pool.h.
#include "core/store/body_pool.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

namespace remex::store {
namespace {

constexpr std::size_t kLookAt = 16;  ///< files tried by one take(): the others may still be read by their deliveries

}  // namespace

int BodyPool::try_take(const File& f, bool& gone) const {
  const std::string path = directory_ + "/" + f.name;
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  gone = fd < 0;
  if (fd < 0) return -1;
  struct stat st{};
  struct stat named{};
  // Exclusive first: a reader still has it otherwise. Then shared, as every holder of a body has it. That change is not
  // atomic; another process may look for orphans in between, so the name is checked last, under the lock it respects.
  gone = ::fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_ino != f.inode;
  if (!gone && ::flock(fd, LOCK_EX | LOCK_NB) == 0 && ::flock(fd, LOCK_SH | LOCK_NB) == 0) {
    if (::stat(path.c_str(), &named) == 0 && named.st_ino == st.st_ino && named.st_dev == st.st_dev &&
        !is_known_(f.name))
      return fd;
    gone = true;
  }
  ::close(fd);
  return -1;
}

std::optional<BodyPool::Taken> BodyPool::take() {
  const std::lock_guard lock(mutex_);
  std::size_t tried = 0;
  for (std::size_t i = files_.size(); i > 0 && tried < kLookAt; ++tried) {
    --i;
    bool gone = false;
    const int fd = try_take(files_[i], gone);
    if (fd < 0 && !gone) continue;
    Taken t{fd, std::move(files_[i].name)};
    bytes_ -= files_[i].bytes;
    files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
    if (fd >= 0) return t;
  }
  return std::nullopt;
}

std::uint64_t BodyPool::allowed() const {
  struct statvfs v{};
  if (::statvfs(directory_.c_str(), &v) != 0) return 0;
  return std::min(limits_.bytes, static_cast<std::uint64_t>(v.f_bavail) * v.f_frsize / limits_.free_share);
}

BodyPool::Removal BodyPool::remove(const File& f) const {
  bool gone = false;
  const int fd = try_take(f, gone);
  if (fd < 0) return gone ? Removal::not_ours : Removal::held;
  const bool deleted = ::unlink((directory_ + "/" + f.name).c_str()) == 0;
  ::close(fd);  // its lock until here
  return deleted ? Removal::deleted : Removal::not_ours;
}

void BodyPool::give(const std::string& name, bool ours) {
  struct stat st{};
  if (::lstat((directory_ + "/" + name).c_str(), &st) != 0 || !S_ISREG(st.st_mode)) return;
  File f{name, static_cast<std::uint64_t>(st.st_size), st.st_ino};
  const std::lock_guard lock(mutex_);
  if (std::any_of(files_.begin(), files_.end(), [&](const File& known) { return known.name == name; })) return;
  if (f.bytes > limits_.file_bytes || bytes_ + f.bytes > allowed()) {
    ours ? static_cast<void>(::unlink((directory_ + "/" + name).c_str())) : static_cast<void>(remove(f));
    return;
  }
  bytes_ += f.bytes;
  files_.push_back(std::move(f));
}

void BodyPool::trim() {
  const std::lock_guard lock(mutex_);
  if (files_.empty()) return;
  const std::uint64_t most = allowed();
  for (std::size_t i = files_.size(); i > 0 && bytes_ > most;) {
    --i;
    if (remove(files_[i]) == Removal::held) continue;
    bytes_ -= files_[i].bytes;
    files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

bool BodyPool::clear() {
  const std::lock_guard lock(mutex_);
  bool any = false;
  std::erase_if(files_, [&](const File& f) {
    const Removal r = remove(f);
    any = any || r == Removal::deleted;
    return r != Removal::held;
  });
  bytes_ = 0;
  for (const File& f : files_) bytes_ += f.bytes;
  return any;
}

void BodyPool::forget() {
  const std::lock_guard lock(mutex_);
  files_.clear();
  bytes_ = 0;
}

std::size_t BodyPool::size() const {
  const std::lock_guard lock(mutex_);
  return files_.size();
}

}  // namespace remex::store
