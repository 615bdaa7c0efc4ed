// Buffered reading. What arrives is read into one scratch block shared by all readers of the thread and copied at its
// exact size, so a reader that waits owns no buffer.
#include <algorithm>
#include <array>

#include "core/base/strings.h"
#include "core/io/stream.h"

namespace remex::io {
namespace {

constexpr std::size_t kScratch = 64 << 10;
constexpr std::size_t kOwnBlock = 16 << 10;

}  // namespace

Result<std::optional<std::size_t>> Stream::try_read(std::span<char>) { return std::optional<std::size_t>(); }

Result<std::size_t> Reader::fill() {
  if (pos_ == buf_.size()) {
    buf_.clear();
  } else if (pos_ > 0) {
    buf_.erase(0, pos_);
  }
  pos_ = 0;
  for (bool waited = false;; waited = true) {
    // Filled and emptied without a wait in between: nobody else sees the block half-used.
    static thread_local std::array<char, kScratch> scratch;
    char* const block = scratch.data();
    REMEX_TRY(const auto n, stream_->try_read(std::span(block, kScratch)));
    if (n) {
      buf_.append(block, *n);
      return *n;
    }
    if (waited) break;
    if (buf_.empty()) std::string().swap(buf_);
    REMEX_CHECK(stream_->wait_readable());
  }
  // A stream without try_read, or one that was woken by less than a whole TLS record.
  std::string own(kOwnBlock, '\0');
  REMEX_TRY(const std::size_t n, stream_->read_some(own));
  buf_.append(own, 0, n);
  return n;
}

Result<std::string> Reader::read_line(std::size_t max) {
  bool too_long = false;
  std::size_t seen = 0;  // bytes after pos_ known to hold no LF
  for (;;) {
    const std::size_t lf = buf_.find('\n', pos_ + seen);
    const std::size_t len = lf == std::string::npos ? buf_.size() - pos_ : lf + 1 - pos_;
    too_long = too_long || len > max;
    if (lf != std::string::npos) {
      std::string line = too_long ? std::string() : buf_.substr(pos_, len);
      consume(len);
      if (too_long) return fail("line too long");
      return line;
    }
    if (too_long) {
      consume(len);
      seen = 0;
    } else {
      seen = len;
    }
    REMEX_TRY(const std::size_t n, fill());
    if (n != 0) continue;
    if (too_long) return fail("line too long");
    std::string rest = buf_.substr(pos_);
    consume(rest.size());
    return rest;
  }
}

Result<std::string_view> Reader::peek() {
  if (pos_ == buf_.size()) REMEX_CHECK(fill());
  return std::string_view(buf_).substr(pos_);
}

void Reader::consume(std::size_t n) {
  pos_ += std::min(n, buf_.size() - pos_);
  if (pos_ != buf_.size()) return;
  buf_.clear();
  pos_ = 0;
}

bool Reader::has_pending() { return pos_ < buf_.size() || stream_->has_pending_input(); }

std::size_t Reader::discard() {
  const std::size_t n = buf_.size() - pos_;
  std::string().swap(buf_);
  pos_ = 0;
  return n;
}

}  // namespace remex::io
