// Group commit: one thread per process takes every queued operation and runs them in one transaction, synced once.
//
// Used by core/store's SqliteStore only. submit() parks the calling fiber (blocks outside one) until the transaction
// that holds its operation is on the disk; post() only queues and is flushed within 50 ms. An operation that fails by
// itself (constraint, a damaged page) does not harm its neighbours; when the disk refuses, all operations of the batch
// fail, lazy ones stay queued, in their order, and are tried again. One that met a damaged page by itself is tried
// alone and once a minute: among others it would make each of their batches fail first.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "core/store/checkpointer.h"
#include "core/store/sqlite.h"

namespace remex::store {

/// What one operation did: a SQLite code, and a text when it failed for a reason of its own.
struct Applied {
  int rc = SQLITE_OK;
  Status status;
};

class Writer {
 public:
  using Apply = std::function<Applied(Database&)>;
  using Done = std::function<void(bool committed)>;

  /// The thread and its connection are made at the first operation: listing commands never pay for them.
  /// `server`: the log is preallocated and copied by another thread (checkpointer.h).
  Writer(std::string path, bool server);
  /// Commits what is queued, then ends the thread.
  ~Writer();
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  /// What becomes of an operation that is still queued when its fiber is cancelled or out of time: it is withdrawn
  /// (nothing happens, `done` is not called), or it is carried out all the same, for it tells what has happened
  /// already.
  enum class Wait : std::uint8_t { withdraw, insist };
  /// Durable when it returns success. `done` runs in the writer thread after the commit (or the final failure).
  Status submit(Apply apply, Done done = {}, Wait wait = Wait::withdraw);
  /// What an operation that nobody waits for is about. Hints may be lost: while the disk refuses, so many are queued
  /// and no more. Removals, which make room, and what came of deliveries are kept until the disk takes them.
  enum class About : std::uint8_t { hint, removal, outcome };
  /// Queued; nobody waits. `done(true)` after the commit that holds it.
  void post(About about, Apply apply, Done done = {});
  /// Commits everything queued so far.
  Status flush();
  /// Runs in the writer thread about a second after work or request_tick(). Set before the first operation; may call
  /// post().
  void set_tick(std::function<void(Database&)> tick) { tick_ = std::move(tick); }
  void request_tick();

 private:
  struct Op;
  using OpPtr = std::shared_ptr<Op>;
  struct Waiter;

  void enqueue(OpPtr op);
  Status await(const OpPtr& op, Wait how);
  void run();
  /// Empty when the tick is due or the end has come.
  std::vector<OpPtr> take_batch(std::chrono::steady_clock::time_point next_tick);
  void tick();
  Status reserve(Database& db);
  void commit_batch(std::vector<OpPtr>& batch);
  Status try_commit(std::vector<OpPtr>& batch);
  /// Tells those who wait; `again` gets the lazy ones that failed.
  void finish(std::vector<OpPtr>& batch, const Status& outcome, std::vector<OpPtr>& again);
  /// Commits each by itself.
  void commit_alone(const std::vector<OpPtr>& ops, std::vector<OpPtr>& again);
  void requeue(std::vector<OpPtr>& again);
  /// Another attempt for what met damaged pages.
  void retry_damaged();
  void checkpoint(bool idle);
  /// True while the checkpointer is at work or has been given work.
  bool left_to_checkpointer();
  Result<Database*> connection();

  std::string path_;
  std::function<void(Database&)> tick_;
  std::unique_ptr<Database> db_;  // writer thread only
  int wal_frames_ = 0;            // writer thread only, from the WAL hook
  int ask_at_frames_ = 0;         // writer thread only: not asked again before the log is so long
  std::int64_t reserved_pages_ = 0;
  bool failing_ = false;  // writer thread only: lazy operations failed, and wait a little
  // Writer thread only: lazy operations that met a damaged page alone, and when they are tried again.
  std::vector<OpPtr> damaged_;
  std::chrono::steady_clock::time_point damaged_again_;

  std::mutex mutex_;
  std::condition_variable wake_, finished_;
  std::vector<OpPtr> queue_;
  std::size_t urgent_ = 0;
  bool stopping_ = false;
  bool tick_wanted_ = false;
  std::unique_ptr<Checkpointer> checkpointer_;
  std::thread thread_;
};

}  // namespace remex::store
