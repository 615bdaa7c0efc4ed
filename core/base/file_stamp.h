// Has this file changed since it was read? Used where a process keeps what it read from a file: lookups, certificates,
// the public suffix list.
#pragma once

#include <sys/types.h>

#include <ctime>
#include <string>

namespace remex {

/// What the file system says of a file: another inode, size or time is another content. The inode change time is part
/// of it, for the modification time can be set. A directory's changes when files come or go.
struct FileStamp {
  bool exists = false;
  dev_t dev = 0;
  ino_t ino = 0;
  off_t size = 0;
  timespec mtime{}, ctime{};

  /// Asks the file system (stat; blocks as that does). `exists` false: nothing there, or it cannot be looked at, and
  /// errno says why.
  static FileStamp of(const std::string& file);
  /// The file was left alone for a while, so a later change will show: clocks of file systems tell moments apart by
  /// some milliseconds only.
  bool is_settled() const;
  /// All of it as a key; empty when there is no file.
  std::string text() const;

  friend bool operator==(const FileStamp& a, const FileStamp& b);
};

}  // namespace remex
