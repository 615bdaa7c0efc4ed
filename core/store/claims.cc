// Claim table; see claims.h.
#include "core/store/claims.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

namespace remex::store {
namespace {

/// The byte that stands for this id: FNV-1a, 62 bits. Two ids on one byte would only wait for each other.
struct flock lock_of(const std::string& id, int type) {
  std::uint64_t h = 1469598103934665603U;
  for (const char c : id) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211U;
  struct flock l{};
  l.l_type = static_cast<short>(type);
  l.l_whence = SEEK_SET;
  l.l_start = static_cast<off_t>(h >> 2);
  l.l_len = 1;
  return l;
}

}  // namespace

Result<std::shared_ptr<ClaimTable>> ClaimTable::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
  if (fd < 0) {
    auto e = fail_errno(errno, fmt::format("open {}", path)).error();
    e.kind = ErrorKind::defer;
    return std::unexpected(std::move(e));
  }
  return std::shared_ptr<ClaimTable>(new ClaimTable(fd));
}

ClaimTable::~ClaimTable() { ::close(fd_); }

Result<bool> ClaimTable::acquire(const std::string& id) {
  std::lock_guard lock(mutex_);
  if (entries_.contains(id)) return false;
  entries_[id] = Entry{.held = true, .locked = true, .removing = false};  // first: a lock without it stays for ever
  struct flock l = lock_of(id, F_WRLCK);
  while (::fcntl(fd_, F_OFD_SETLK, &l) != 0) {
    if (errno == EINTR) continue;
    const int err = errno;
    entries_.erase(id);
    if (err == EAGAIN || err == EACCES) return false;
    auto e = fail_errno(err, fmt::format("lock message {}", id)).error();
    e.kind = ErrorKind::defer;
    return std::unexpected(std::move(e));
  }
  return true;
}

void ClaimTable::unlock(const std::string& id) const {
  struct flock l = lock_of(id, F_UNLCK);
  ::fcntl(fd_, F_OFD_SETLK, &l);
}

void ClaimTable::release(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  it->second.held = false;
  if (it->second.removing) return;
  unlock(id);
  entries_.erase(it);
}

void ClaimTable::removal_queued(const std::string& id) {
  std::lock_guard lock(mutex_);
  entries_[id].removing = true;
}

void ClaimTable::removal_done(const std::string& id) {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(id);
  if (it == entries_.end()) return;
  it->second.removing = false;
  if (it->second.held) return;
  if (it->second.locked) unlock(id);
  entries_.erase(it);
}

bool ClaimTable::removal_pending(const std::string& id) const {
  std::lock_guard lock(mutex_);
  const auto it = entries_.find(id);
  return it != entries_.end() && it->second.removing;
}

bool ClaimTable::busy_here(const std::string& id) const {
  std::lock_guard lock(mutex_);
  return entries_.contains(id);
}

bool ClaimTable::busy_elsewhere(const std::string& id) const {
  struct flock l = lock_of(id, F_WRLCK);
  return ::fcntl(fd_, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

}  // namespace remex::store
