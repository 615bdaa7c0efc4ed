// Body files without a message, kept to be written over: a long-lived process neither creates nor deletes a file for
// each large message, so its syncs write no metadata (deleting files also makes later syncs slow on many disks).
//
// Used by SqliteStore and its writers of bodies; any thread. A file comes here when the removal of its row is on the
// disk, or when no row ever named it. That is a hint only: it is taken when the exclusive lock can be had (nobody
// writes or reads it), when it is the very file that was given, and when then no row names it. What is over the limits
// is deleted under the same conditions. So other processes may recycle in the same directory. Failure: a file less to
// recycle, or one that stays until the next search for orphans.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace remex::store {

class BodyPool {
 public:
  struct Limits {
    std::uint64_t bytes = 256ULL << 20;      ///< kept in all
    std::uint64_t file_bytes = 16ULL << 20;  ///< larger files are not kept
    std::uint64_t free_share = 16;           ///< at most 1/n of the file system's free space
  };
  /// `is_known`: a row names this file (true when in doubt); asked by take().
  BodyPool(std::string directory, Limits limits, std::function<bool(const std::string& name)> is_known)
      : directory_(std::move(directory)), limits_(limits), is_known_(std::move(is_known)) {}

  struct Taken {
    int fd = -1;  ///< open for reading and writing, with a shared lock; the caller's
    std::string name;
  };
  /// A file nobody needs; nullopt when there is none.
  std::optional<Taken> take();
  /// Keeps the file or deletes it. No row may name it. `ours`: the caller has had a lock on it since a time when nobody
  /// else could take it, and still has.
  void give(const std::string& name, bool ours);
  /// Deletes files until the rest fits beside what is free on the disk now.
  void trim();
  /// Deletes all that nobody holds: the disk is full. True when something was deleted.
  bool clear();
  /// Forgets all, deletes nothing (the directory is another one now).
  void forget();
  std::size_t size() const;

 private:
  struct File {
    std::string name;
    std::uint64_t bytes = 0;
    ino_t inode = 0;
  };
  /// An open, locked descriptor, or -1. `gone`: the file is not ours any more. Locked by a reader: neither.
  int try_take(const File& f, bool& gone) const;
  enum class Removal : std::uint8_t { deleted, held, not_ours };
  /// Deletes the file as take() would take it: another process may have made it a body again since it was given.
  Removal remove(const File& f) const;
  std::uint64_t allowed() const;

  const std::string directory_;
  const Limits limits_;
  const std::function<bool(const std::string& name)> is_known_;
  mutable std::mutex mutex_;
  std::vector<File> files_;
  std::uint64_t bytes_ = 0;
};

}  // namespace remex::store
