// The two kinds of message body: a string, or a range of a file read with pread in large pieces. Both are immutable and
// may be read from several threads at once. Used by reception, the store, DKIM and transports. Failure: fail_errno of
// the system call with the path; a file that became shorter is an error, never a silently shorter message.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "core/mail/message.h"

namespace remex::mail {
namespace {

constexpr std::size_t kPiece = 256 * 1024;

class MemoryBody final : public Body {
 public:
  explicit MemoryBody(std::string bytes) : bytes_(std::move(bytes)) {}
  std::uint64_t size() const override { return bytes_.size(); }
  Status for_each(const std::function<Status(std::string_view)>& sink) const override {
    return bytes_.empty() ? Status{} : sink(bytes_);
  }
  Result<std::string> read(std::uint64_t offset, std::size_t n) const override {
    return offset >= bytes_.size() ? std::string() : bytes_.substr(static_cast<std::size_t>(offset), n);
  }
  const std::string* in_memory() const override { return &bytes_; }
  const std::string& path() const override { return path_; }

 private:
  std::string bytes_, path_;
};

class FileBody final : public Body {
 public:
  FileBody(int fd, std::string path, std::uint64_t offset, std::uint64_t length)
      : fd_(fd), path_(std::move(path)), offset_(offset), length_(length) {}
  FileBody(const FileBody&) = delete;
  FileBody& operator=(const FileBody&) = delete;
  ~FileBody() override { ::close(fd_); }

  std::uint64_t size() const override { return length_; }

  Status for_each(const std::function<Status(std::string_view)>& sink) const override {
    std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(kPiece, length_)), '\0');
    for (std::uint64_t done = 0; done < length_;) {
      const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(piece.size(), length_ - done));
      REMEX_CHECK(fill(piece.data(), done, want));
      REMEX_CHECK(sink(std::string_view(piece).substr(0, want)));
      done += want;
    }
    return {};
  }

  Result<std::string> read(std::uint64_t offset, std::size_t n) const override {
    if (offset >= length_) return std::string();
    std::string out(static_cast<std::size_t>(std::min<std::uint64_t>(n, length_ - offset)), '\0');
    REMEX_CHECK(fill(out.data(), offset, out.size()));
    return out;
  }

  const std::string* in_memory() const override { return nullptr; }
  const std::string& path() const override { return path_; }

 private:
  Status fill(char* to, std::uint64_t from, std::size_t want) const {
    for (std::size_t got = 0; got < want;) {
      const ssize_t n = ::pread(fd_, to + got, want - got, static_cast<off_t>(offset_ + from + got));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return fail_errno(errno, "read " + path_);
      if (n == 0) return fail("read " + path_ + ": file is shorter than the message body");
      got += static_cast<std::size_t>(n);
    }
    return {};
  }

  int fd_;
  std::string path_;
  std::uint64_t offset_, length_;
};

}  // namespace

std::shared_ptr<const Body> Body::from_string(std::string bytes) {
  return std::make_shared<MemoryBody>(std::move(bytes));
}

Result<std::shared_ptr<const Body>> Body::from_file(std::string path, std::uint64_t offset, std::uint64_t length) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<off_t>::max());
  if (offset > kMax || length > kMax - offset) return fail("open " + path + ": body range too large");
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fail_errno(errno, "open " + path);
  auto body = std::make_shared<const FileBody>(fd, std::move(path), offset, length);
  struct stat st;
  if (::fstat(fd, &st) < 0) return fail_errno(errno, "stat " + body->path());
  if (static_cast<std::uint64_t>(st.st_size) < offset + length) {
    return fail("open " + body->path() + ": file is shorter than the message body");
  }
  return body;
}

}  // namespace remex::mail
