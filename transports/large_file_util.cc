// See large_file.h.
#include "transports/large_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace remex::transports {
namespace {

constexpr std::size_t kPiece = 1024 * 1024;
constexpr std::size_t kAlign = 4096;  ///< of address, offset and length; a multiple of every usual block

struct Free {
  void operator()(char* p) const { std::free(p); }
};

/// One per thread, kept: fresh memory costs as much as the copy it is to save.
char* piece_of_thread() {
  thread_local const std::unique_ptr<char, Free> piece(static_cast<char*>(std::aligned_alloc(kAlign, kPiece)));
  return piece.get();
}

}  // namespace

LargeFile::LargeFile(int fd) : fd_(fd), buffer_(piece_of_thread()) {
  const int flags = ::fcntl(fd_, F_GETFL);
  direct_ = buffer_ != nullptr && flags >= 0 && ::fcntl(fd_, F_SETFL, flags | O_DIRECT) == 0;
}

LargeFile::~LargeFile() { leave_direct(); }

void LargeFile::leave_direct() {
  if (!direct_) return;
  direct_ = false;
  if (const int flags = ::fcntl(fd_, F_GETFL); flags >= 0) ::fcntl(fd_, F_SETFL, flags & ~O_DIRECT);
}

Status LargeFile::flush(std::size_t n) {
  for (std::size_t at = 0; at < n;) {
    if (direct_ && (at % kAlign != 0 || n - at < kAlign)) leave_direct();
    const std::size_t want = direct_ ? (n - at) / kAlign * kAlign : n - at;
    const ssize_t done = ::write(fd_, buffer_ + at, want);
    if (done < 0) {
      if (errno == EINTR) continue;
      if (errno == EINVAL && direct_) {  // accepted by fcntl, not by this file system
        leave_direct();
        continue;
      }
      return fail_errno(errno, "write");
    }
    at += static_cast<std::size_t>(done);
    written_ += static_cast<std::uint64_t>(done);
  }
  fill_ = 0;
  return {};
}

Status LargeFile::put(std::string_view bytes) {
  if (buffer_ == nullptr) return fail_errno(ENOMEM, "write");
  while (!bytes.empty()) {
    const std::size_t n = std::min(bytes.size(), kPiece - fill_);
    std::memcpy(buffer_ + fill_, bytes.data(), n);
    fill_ += n;
    bytes.remove_prefix(n);
    if (fill_ == kPiece) REMEX_CHECK(flush(kPiece));
  }
  return {};
}

Status LargeFile::finish() {
  REMEX_CHECK(flush(fill_));
  leave_direct();
  return {};
}

}  // namespace remex::transports
