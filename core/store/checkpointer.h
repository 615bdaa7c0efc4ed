// Copies the log into the database in a thread of its own, so that nobody's commit waits for it.
//
// Used by the Writer of a server. The thread copies what is in the log when it starts; the few frames written meanwhile
// are left to the Writer, which alone can see the log empty and begin it anew. Failure (a busy or full disk): less is
// copied, the log grows, and the Writer copies by itself.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "core/store/sqlite.h"

namespace remex::store {

class Checkpointer {
 public:
  explicit Checkpointer(std::string path) : path_(std::move(path)) {}
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  /// Starts a copy unless one is running. Returns at once.
  void request();
  bool busy() const;
  /// Frames of the present log that are in the database; 0 after restarted().
  int copied() const;
  /// The log begins anew. Not while busy().
  void restarted();

 private:
  void run();
  /// Frames copied, or -1.
  int copy();

  const std::string path_;
  std::unique_ptr<Database> db_;  // its own thread only
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool wanted_ = false, stopping_ = false;
  int copied_ = 0;
  std::thread thread_;
};

/// Writes zeros behind the end of the log up to `bytes`, so that no commit has to lengthen the file (which would make
/// its sync a commit of the file system's journal too). The caller's connection must be the writer; another process
/// that writes is waited for. Errors: the disk is full (nothing is harmed).
Status preallocate_log(Database& db, std::int64_t bytes);

}  // namespace remex::store
