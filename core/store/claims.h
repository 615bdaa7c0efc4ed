// Claims: who works on which message, across fibers and processes.
//
// Used by SqliteStore. Inside a process a set; across processes a byte range of one lock file, locked with an
// open-file-description lock, which the kernel releases however the holder dies. Locks stay held over a queued removal,
// so that nobody takes up a message that was delivered but is not yet deleted on the disk.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "core/base/result.h"

namespace remex::store {

class ClaimTable {
 public:
  /// The lock file is made when missing. Errors: defer.
  static Result<std::shared_ptr<ClaimTable>> open(const std::string& path);
  ~ClaimTable();
  ClaimTable(const ClaimTable&) = delete;
  ClaimTable& operator=(const ClaimTable&) = delete;

  /// True when the caller has it now. Any thread.
  Result<bool> acquire(const std::string& id);
  void release(const std::string& id);
  /// The message is being removed: the lock (or a mark, when nobody holds it) stays until removal_done().
  void removal_queued(const std::string& id);
  void removal_done(const std::string& id);
  bool removal_pending(const std::string& id) const;
  /// Held in this process, or being removed by it.
  bool busy_here(const std::string& id) const;
  /// The file whose ranges are locked; the table's.
  int descriptor() const { return fd_; }
  /// Held by another process.
  bool busy_elsewhere(const std::string& id) const;

 private:
  explicit ClaimTable(int fd) : fd_(fd) {}
  void unlock(const std::string& id) const;
  struct Entry {
    bool held = false, locked = false, removing = false;
  };
  int fd_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
};

}  // namespace remex::store
