// Directory syncs that are owed: a file is on the disk, the entry that names it perhaps not yet.
//
// A mailbox directory changes with every delivery; a sync for each is a second commit of the file system's journal per
// message. Here they are gathered for a moment and each directory is synced once, in a thread of its own. What depends
// on it (forgetting the message in the spool) waits for `done`. Failure: `done` gets the error and nothing is
// forgotten.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"

namespace remex::io {

/// An open directory with entries that may not be on the disk yet.
class UnsyncedDirectory {
 public:
  /// Takes `fd`. `path` is for error texts.
  UnsyncedDirectory(int fd, std::string path);
  ~UnsyncedDirectory();
  UnsyncedDirectory(const UnsyncedDirectory&) = delete;
  UnsyncedDirectory& operator=(const UnsyncedDirectory&) = delete;
  /// Returns when the entries are on the disk. Blocks: not on the loop's thread.
  Status sync() const;
  bool same_as(const UnsyncedDirectory& o) const { return device_ == o.device_ && inode_ == o.inode_; }

 private:
  int fd_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::string path_;
};
using UnsyncedPtr = std::shared_ptr<const UnsyncedDirectory>;

class Settler {
 public:
  using Done = std::function<void(const Status&)>;
  Settler() = default;
  /// Settles what was added, then ends the thread.
  ~Settler();
  Settler(const Settler&) = delete;
  Settler& operator=(const Settler&) = delete;

  /// `done` runs in the settling thread after all of `directories` were synced by calls that began after this one (or
  /// one failed). Any thread.
  void add(std::vector<UnsyncedPtr> directories, Done done);
  /// Blocks until everything added before was settled.
  void flush();

 private:
  struct Item {
    std::vector<UnsyncedPtr> directories;
    Done done;
  };
  void run();
  static void settle(std::vector<Item>& items);

  std::mutex mutex_;
  std::condition_variable wake_, settled_;
  std::vector<Item> items_;
  bool hurry_ = false, stopping_ = false, busy_ = false;
  std::thread thread_;
};

}  // namespace remex::io
