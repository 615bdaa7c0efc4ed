// The Store over SQLite: one reading connection used in place, one writing thread (core/store/writer.h).
//
// Private to core/store. Reads are short and come from the page cache, so they run on the calling thread under a mutex.
// What is queued but not yet committed (removals, hints) is visible to this process through small maps.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/store/body_pool.h"
#include "core/store/claims.h"
#include "core/store/sqlite.h"
#include "core/store/store.h"
#include "core/store/writer.h"

namespace remex::store {

/// Of the column `frozen`: 0 and 1 say what the envelope says; this one that it could not be read.
inline constexpr std::int64_t kDamaged = 2;
/// How long a process leaves alone what it could not mark.
inline constexpr auto kRemembered = std::chrono::hours(1);

class SqliteStore final : public Store {
 public:
  SqliteStore(StoreOptions opt, std::string db_path, std::string body_directory, std::unique_ptr<Database> reader,
              std::shared_ptr<ClaimTable> claims);
  ~SqliteStore() override;

  std::unique_ptr<BodyWriter> new_body() override;
  Status insert(const StoredMessage& m) override;
  Result<bool> import(const StoredMessage& m, const std::string& mark) override;
  Result<StoredMessage> load(const std::string& id) override;
  Result<bool> set_aside(const std::string& id) override;
  void leave_alone(const std::string& id, Millis time) override;
  bool unchanged(const StoredMessage& m) override;
  Status update(const mail::Envelope& e, std::int64_t next_attempt) override;
  Status replace(const StoredMessage& m, std::int64_t next_attempt) override;
  Status record_later(const StoredMessage& m, bool with_headers, std::int64_t next_attempt,
                      std::function<void(bool)> done) override;
  Status remove(const std::string& id, bool wait_for_disk) override;
  Status await_removal(const std::string& id) override;
  using Store::list;
  Result<std::vector<QueueEntry>> list(bool with_recipients, const Wanted& wanted) override;
  Result<std::int64_t> count() override;
  Result<std::vector<std::string>> due(std::int64_t now, std::size_t n, Frozen frozen, const std::string& queue_name,
                                       bool retries_only, DuePlace* place) override;
  Result<std::vector<std::string>> ids(std::size_t n, bool include_frozen, const std::string& queue_name,
                                       Walk& walk) override;
  Result<std::unique_ptr<Claim>> claim(const std::string& id) override;
  int lock_descriptor() const override;
  void message_log(const std::string& id, std::string_view line) override;
  Result<std::string> read_message_log(const std::string& id) override;
  Result<std::optional<RetryRecord>> get_retry(const std::string& key) override;
  Status put_retry(const RetryRecord& r) override;
  Status delete_retry(const std::string& key) override;
  Result<std::vector<RetryRecord>> all_retry() override;
  Result<std::optional<std::string>> get_hint(const std::string& table, const std::string& key) override;
  Status put_hint(const std::string& table, const std::string& key, const std::string& value) override;
  Status keep_hint(const std::string& table, const std::string& key, const std::string& value,
                   std::int64_t until) override;
  Status tidy(std::int64_t retry_before, std::int64_t hints_before) override;
  Result<std::vector<std::pair<std::string, std::string>>> all_hints(const std::string& table) override;
  void set_hints_max(std::size_t records) override;
  std::vector<std::pair<std::string, std::uint64_t>> take_hints_dropped() override;
  Status check() override;
  std::string take_damage() override;

 private:
  struct NewRow;
  Result<std::shared_ptr<NewRow>> new_row(const StoredMessage& m);
  /// Writer thread: counts a hint written to `table` ("retry" or one of the others) and, after some, forgets the oldest
  /// of too many. An error code of SQLite.
  int bound_hints(Database& db, const std::string& table);
  Status writable() const;
  std::vector<QueueEntry> list_around_damage(bool with_recipients, const Wanted& wanted);
  std::vector<std::string> due_around_damage(std::int64_t now, std::size_t n, Frozen frozen,
                                             const std::string& queue_name, DuePlace& here);
  void note_damage(int rc);
  /// A walk takes this message. With read_mutex_ held, as the three above.
  bool is_walked(const std::string& id, bool include_frozen, const std::string& queue_name);
  /// In work, here or in another process, or to be left alone. With read_mutex_ held.
  bool busy(const std::string& id) const;
  std::shared_ptr<ClaimTable> claim_table() const;
  /// The spool was taken away (or another put in its place) under a running process: what is accepted from now on goes
  /// where it will be found again, not into a file without a name.
  Status follow_spool();
  void on_tick(Database& db);
  /// A row names this body file; true when that cannot be found out.
  bool names_body(const std::string& name);
  struct TidyTable;
  static const TidyTable kTidyRetry, kTidyHints;
  /// One piece behind `table`, `key`, which move on. True: there may be more.
  Result<bool> tidy_piece(const TidyTable& t, std::int64_t before, std::string& table, std::string& key);
  /// The operation of update() and, with headers, of replace().
  Writer::Apply outcome(const mail::Envelope& e, const mail::HeaderList* headers, std::int64_t next_attempt);
  std::string take_log(const std::string& id);
  void post_logs();

  StoreOptions opt_;
  std::string db_path_, body_directory_;
  mutable std::mutex read_mutex_;
  std::unique_ptr<Database> reader_;
  std::shared_ptr<ClaimTable> claims_;
  std::map<std::string, Instant> left_alone_;  ///< until when; guarded by read_mutex_
  std::string damage_;                         ///< not yet taken; guarded by read_mutex_
  std::optional<Instant> damage_told_;         ///< when; guarded by read_mutex_
  std::shared_ptr<BodyPool> pool_;             ///< null when this process does not recycle

  std::mutex overlay_mutex_;
  /// Hints written but perhaps not committed: value (nullopt = deleted) and the number of the write.
  std::map<std::string, std::pair<std::optional<RetryRecord>, std::uint64_t>> retry_overlay_;
  std::map<std::pair<std::string, std::string>, std::pair<std::string, std::uint64_t>> hint_overlay_;
  std::uint64_t overlay_serial_ = 0;
  std::map<std::string, std::string> logs_;  ///< message log lines not yet written
  std::atomic<std::size_t> hints_max_ = 100000;
  std::map<std::string, std::size_t> hint_writes_;  ///< writer thread: of each table, until it is counted again
  std::mutex dropped_mutex_;
  std::map<std::string, std::uint64_t> dropped_;
  bool scanned_ = false;  ///< writer thread: orphaned bodies were looked for
  Writer writer_;         ///< last: its thread uses what is above
};

}  // namespace remex::store
