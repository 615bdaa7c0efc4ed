// Body files; see bodies.h.
#include "core/store/bodies.h"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "core/base/ids.h"
#include "core/io/fiber.h"

namespace remex::store {
namespace {

constexpr std::size_t kChunk = 128 * 1024;  ///< written at once
constexpr std::size_t kPiece = 256 * 1024;  ///< read at once

std::unexpected<Error> defer_errno(int err, std::string_view what) {
  Error e = fail_errno(err, what).error();
  e.kind = ErrorKind::defer;
  return std::unexpected(std::move(e));
}

Status write_fully(int fd, std::string_view bytes, const std::string& path, BodyPool* pool) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0) {
      const int err = errno;
      if (err == EINTR || (err == ENOSPC && pool != nullptr && pool->clear())) continue;
      return defer_errno(err, fmt::format("write {}", path));
    }
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Status sync_directory(const std::string& directory) {
  const int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return defer_errno(errno, fmt::format("open {}", directory));
  const int rc = ::fsync(fd);
  const int err = errno;
  ::close(fd);
  if (rc != 0) return defer_errno(err, fmt::format("sync {}", directory));
  return {};
}

class SpillingWriter final : public BodyWriter {
 public:
  SpillingWriter(std::string directory, std::uint64_t memory_max, std::shared_ptr<BodyPool> pool)
      : directory_(std::move(directory)), memory_max_(memory_max), pool_(std::move(pool)) {}
  ~SpillingWriter() override {
    if (fd_ < 0) return;
    // No row ever named it. One we made goes: its name is perhaps not on the disk, and who takes a file from the pool
    // relies on that.
    pool_ && !fresh_ ? pool_->give(name_, true) : static_cast<void>(::unlink(path_.c_str()));
    ::close(fd_);
  }
  SpillingWriter(const SpillingWriter&) = delete;
  SpillingWriter& operator=(const SpillingWriter&) = delete;

  Status write(std::string_view bytes) override {
    REMEX_CHECK(broken_);
    size_ += bytes.size();
    if (fd_ < 0 && size_ <= memory_max_) {
      buffer_ += bytes;
      return {};
    }
    if (fd_ < 0) broken_ = create();
    REMEX_CHECK(broken_);
    buffer_ += bytes;
    if (buffer_.size() >= kChunk) broken_ = spill();
    return broken_;
  }

  std::uint64_t size() const override { return size_; }

  Result<std::shared_ptr<const mail::Body>> finish() override {
    REMEX_CHECK(broken_);
    if (fd_ < 0) return mail::Body::from_string(std::move(buffer_));
    REMEX_CHECK(spill());
    buffer_ = {};
    const int fd = fd_;
    const bool fresh = fresh_;
    const std::string dir = directory_, path = path_;
    // A failed sync is never tried again: the kernel may have dropped the pages and would say yes the second time.
    broken_ = io::offload([fd, fresh, dir, path]() -> Status {
      if (::fdatasync(fd) != 0) return defer_errno(errno, fmt::format("sync {}", path));
      return fresh ? sync_directory(dir) : Status();
    });
    REMEX_CHECK(broken_);
    auto body = std::make_shared<const FileBody>(std::exchange(fd_, -1), directory_, name_, size_);
    return std::shared_ptr<const mail::Body>(std::move(body));
  }

 private:
  Status create() {
    if (auto used = pool_ ? pool_->take() : std::nullopt) {
      fd_ = used->fd;
      name_ = std::move(used->name);
      path_ = directory_ + "/" + name_;
      return {};
    }
    fresh_ = true;
    name_ = new_message_id() + "-D";
    path_ = directory_ + "/" + name_;
    fd_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (fd_ < 0) return defer_errno(errno, fmt::format("create {}", path_));
    if (::flock(fd_, LOCK_SH | LOCK_NB) != 0) return defer_errno(errno, fmt::format("lock {}", path_));
    return {};
  }
  Status spill() {
    Status s = write_fully(fd_, buffer_, path_, pool_.get());
    buffer_.clear();
    return s;
  }

  std::string directory_;
  std::uint64_t memory_max_, size_ = 0;
  std::shared_ptr<BodyPool> pool_;
  bool fresh_ = false;  ///< made by us: its name is not on the disk yet
  std::string buffer_, name_, path_;
  Status broken_;
  int fd_ = -1;
};

}  // namespace

FileBody::FileBody(int fd, std::string directory, std::string name, std::uint64_t size)
    : fd_(fd), directory_(std::move(directory)), name_(std::move(name)), path_(directory_ + "/" + name_), size_(size) {}

FileBody::~FileBody() {
  if (!kept_) ::unlink(path_.c_str());
  ::close(fd_);
}

Result<std::shared_ptr<const FileBody>> FileBody::open(const std::string& directory, const std::string& name,
                                                       std::uint64_t size) {
  const std::string path = directory + "/" + name;
  if (name.empty() || name.find('/') != std::string::npos || name.front() == '.')
    return fail(fmt::format("bad body file name in the spool database: {}", path));
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) {
    const int err = errno;
    const std::string what = fmt::format("open body file {}", path);
    return err == ENOENT || err == ELOOP ? fail_errno(err, what) : defer_errno(err, what);
  }
  struct stat st{};
  if (::fstat(fd, &st) != 0) {
    const int err = errno;
    ::close(fd);
    return defer_errno(err, fmt::format("look at body file {}", path));
  }
  if (!S_ISREG(st.st_mode) || static_cast<std::uint64_t>(st.st_size) < size) {
    ::close(fd);
    return fail(fmt::format("body file {} is damaged: {} bytes expected, {} found", path, size, st.st_size));
  }
  ::flock(fd, LOCK_SH | LOCK_NB);
  auto body = std::make_shared<const FileBody>(fd, directory, name, size);
  body->keep();
  return body;
}

Result<std::string> FileBody::read(std::uint64_t offset, std::size_t n) const {
  if (offset >= size_) return std::string();
  std::string out(static_cast<std::size_t>(std::min<std::uint64_t>(n, size_ - offset)), '\0');
  std::size_t got = 0;
  while (got < out.size()) {
    const ssize_t r = ::pread(fd_, out.data() + got, out.size() - got, static_cast<off_t>(offset + got));
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return defer_errno(errno, fmt::format("read {}", path_));
    if (r == 0) return fail(fmt::format("body file {} became shorter", path_));
    got += static_cast<std::size_t>(r);
  }
  return out;
}

Status FileBody::for_each(const std::function<Status(std::string_view)>& sink) const {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kPiece);
  for (std::uint64_t at = 0; at < size_;) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, size_ - at));
    const ssize_t r = ::pread(fd_, buffer.get(), want, static_cast<off_t>(at));
    if (r < 0 && errno == EINTR) continue;
    if (r < 0) return defer_errno(errno, fmt::format("read {}", path_));
    if (r == 0) return fail(fmt::format("body file {} became shorter", path_));
    REMEX_CHECK(sink({buffer.get(), static_cast<std::size_t>(r)}));
    at += static_cast<std::uint64_t>(r);
  }
  return {};
}

std::unique_ptr<BodyWriter> new_body_writer(std::string directory, std::uint64_t memory_max,
                                            std::shared_ptr<BodyPool> pool) {
  return std::make_unique<SpillingWriter>(std::move(directory), memory_max, std::move(pool));
}

int remove_orphans(const std::string& directory, const std::function<bool(const std::string& name)>& is_known,
                   BodyPool* pool) {
  DIR* d = ::opendir(directory.c_str());
  const int folder = d == nullptr ? -1 : ::dirfd(d);
  if (folder < 0) return 0;
  std::vector<std::string> names, unused;
  while (const dirent* e = ::readdir(d)) {
    const std::string_view name = e->d_name;
    if (name.ends_with("-D") && is_message_id(name.substr(0, name.size() - 2))) names.emplace_back(name);
  }
  int gone = 0;
  for (const auto& name : names) {
    const int fd = ::openat(folder, name.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0) continue;
    // The lock first, then the question: a writer holds its lock until after its row is committed.
    struct stat st{};
    if (::fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && ::flock(fd, LOCK_EX | LOCK_NB) == 0 && !is_known(name)) {
      if (pool != nullptr)
        unused.push_back(name);  // the pool makes sure again that nobody holds it
      else if (::unlinkat(folder, name.c_str(), 0) == 0)
        ++gone;
    }
    ::close(fd);
  }
  // The writer that made such a file may have died before its name was on the disk, and who takes it relies on that.
  if (!unused.empty() && ::fsync(folder) != 0) unused.clear();
  ::closedir(d);
  for (const auto& name : unused) pool->give(name, false);
  return gone + static_cast<int>(unused.size());
}

}  // namespace remex::store
