// Writing a large file past the page cache.
//
// Used by the maildir writer for bodies of a quarter MiB and more, in a thread of the pool. A mailbox file is written
// once and read later, often by another machine, so copying it into fresh pages of the cache is the dearest part of
// delivering it: 0.4 to 2.7 ms of processor time for a MiB, against 0.2 ms without. Where the file system does not
// write directly the file is written in the usual way. Nothing is durable before fdatasync(2), as with write(2).
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/result.h"

namespace remex::transports {

/// Collects what is put and writes it in large aligned pieces. Not for two threads at once. The descriptor stays the
/// caller's, is empty and at its beginning; it is in the usual mode again after finish(). Errors carry errno.
class LargeFile {
 public:
  explicit LargeFile(int fd);
  ~LargeFile();
  LargeFile(const LargeFile&) = delete;
  LargeFile& operator=(const LargeFile&) = delete;

  Status put(std::string_view bytes);
  /// Writes what is left. The file has its true length afterwards.
  Status finish();
  std::uint64_t written() const { return written_; }

 private:
  Status flush(std::size_t n);
  void leave_direct();

  const int fd_;
  char* buffer_;
  std::size_t fill_ = 0;
  std::uint64_t written_ = 0;
  bool direct_ = false;
};

}  // namespace remex::transports
