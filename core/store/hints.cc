// Retry records and other hints of the SqliteStore: written lazily, read through an overlay of what is not committed
// yet.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/clock.h"
#include "core/io/fiber.h"
#include "core/store/sqlite_store.h"

namespace remex::store {

/// How a table is tidied. `look`: table, key and age of the rows behind a place, in order of their keys. `forget`: one
/// of them, when it is still old (it may have been written meanwhile).
struct SqliteStore::TidyTable {
  const char* look;
  const char* forget;
};

namespace {

constexpr std::size_t kCountEvery = 16;   ///< a table is counted when this part of its limit was written
constexpr std::size_t kTidyPiece = 1000;  ///< rows looked at, and at most deleted in one transaction
constexpr Millis kTidyPause{5};

RetryRecord record_of(const Query& q) {
  RetryRecord r;
  r.key = q.column(0);
  r.error = q.column(1);
  r.error_text = q.column(2);
  r.first_failed = q.column_int(3);
  r.last_try = q.column_int(4);
  r.next_try = q.column_int(5);
  r.expired = q.column_int(6) != 0;
  r.told = q.column(7);
  return r;
}

Applied done(int rc) { return {rc == SQLITE_DONE ? SQLITE_OK : rc, {}}; }

/// Takes an entry out of the overlay when it is still the one of this write.
template <class Map, class Key>
void settle(std::mutex& m, Map& overlay, const Key& key, std::uint64_t serial) {
  std::lock_guard lock(m);
  if (const auto it = overlay.find(key); it != overlay.end() && it->second.second == serial) overlay.erase(it);
}

}  // namespace

const SqliteStore::TidyTable SqliteStore::kTidyRetry{
    "SELECT '', key, last_try FROM retry WHERE ?1 = '' AND key > ?2 ORDER BY key LIMIT ?3",
    "DELETE FROM retry WHERE ?1 = '' AND key = ?2 AND last_try < ?3"};
const SqliteStore::TidyTable SqliteStore::kTidyHints{
    "SELECT tab, key, at FROM hints WHERE (tab, key) > (?1, ?2) ORDER BY tab, key LIMIT ?3",
    "DELETE FROM hints WHERE tab = ?1 AND key = ?2 AND at < ?3"};

Result<std::optional<RetryRecord>> SqliteStore::get_retry(const std::string& key) {
  {
    std::lock_guard lock(overlay_mutex_);
    if (const auto it = retry_overlay_.find(key); it != retry_overlay_.end()) return it->second.first;
  }
  std::lock_guard lock(read_mutex_);
  REMEX_TRY(
      auto q,
      reader_->query(
          "SELECT key, error, error_text, first_failed, last_try, next_try, expired, told FROM retry WHERE key = ?"));
  const int rc = q.text(key).step();
  if (rc == SQLITE_DONE) return std::optional<RetryRecord>();
  if (rc != SQLITE_ROW) return reader_->fail("reading retry data", rc);
  return std::optional<RetryRecord>(record_of(q));
}

Status SqliteStore::put_retry(const RetryRecord& r) {
  REMEX_CHECK(writable());
  std::uint64_t serial = 0;
  {
    std::lock_guard lock(overlay_mutex_);
    serial = ++overlay_serial_;
    retry_overlay_[r.key] = {r, serial};
  }
  writer_.post(
      Writer::About::hint,
      [this, r](Database& db) -> Applied {
        auto q = db.query(
            "INSERT OR REPLACE INTO retry (key, error, error_text, first_failed, last_try, next_try, expired, told)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
        if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
        q->text(r.key).text(r.error).text(r.error_text).integer(r.first_failed).integer(r.last_try).integer(r.next_try);
        if (const int rc = q->integer(r.expired ? 1 : 0).text(r.told).step(); rc != SQLITE_DONE) return {rc, {}};
        return {bound_hints(db, "retry"), {}};
      },
      [this, key = r.key, serial](bool) { settle(overlay_mutex_, retry_overlay_, key, serial); });
  return {};
}

Status SqliteStore::delete_retry(const std::string& key) {
  REMEX_CHECK(writable());
  std::uint64_t serial = 0;
  {
    std::lock_guard lock(overlay_mutex_);
    serial = ++overlay_serial_;
    retry_overlay_[key] = {std::nullopt, serial};
  }
  writer_.post(
      Writer::About::hint,
      [key](Database& db) -> Applied {
        auto q = db.query("DELETE FROM retry WHERE key = ?");
        if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
        return done(q->text(key).step());
      },
      [this, key, serial](bool) { settle(overlay_mutex_, retry_overlay_, key, serial); });
  return {};
}

Result<std::vector<RetryRecord>> SqliteStore::all_retry() {
  std::map<std::string, RetryRecord> found;
  {
    std::lock_guard lock(read_mutex_);
    REMEX_TRY(auto q, reader_->query(
                          "SELECT key, error, error_text, first_failed, last_try, next_try, expired, told FROM retry"));
    int rc = SQLITE_ROW;
    while ((rc = q.step()) == SQLITE_ROW) {
      RetryRecord r = record_of(q);
      found[r.key] = r;
    }
    if (rc != SQLITE_DONE) return reader_->fail("reading retry data", rc);
  }
  std::vector<RetryRecord> out;
  std::lock_guard lock(overlay_mutex_);
  for (const auto& [key, entry] : retry_overlay_) {
    if (entry.first)
      found[key] = *entry.first;
    else
      found.erase(key);
  }
  out.reserve(found.size());
  for (auto& [key, r] : found) out.push_back(std::move(r));
  return out;
}

Result<std::optional<std::string>> SqliteStore::get_hint(const std::string& table, const std::string& key) {
  {
    std::lock_guard lock(overlay_mutex_);
    if (const auto it = hint_overlay_.find({table, key}); it != hint_overlay_.end())
      return std::optional<std::string>(it->second.first);
  }
  std::lock_guard lock(read_mutex_);
  REMEX_TRY(auto q, reader_->query("SELECT value FROM hints WHERE tab = ? AND key = ?"));
  const int rc = q.text(table).text(key).step();
  if (rc == SQLITE_DONE) return std::optional<std::string>();
  if (rc != SQLITE_ROW) return reader_->fail(fmt::format("reading {} data", table), rc);
  return std::optional<std::string>(std::string(q.column(0)));
}

Result<std::vector<std::pair<std::string, std::string>>> SqliteStore::all_hints(const std::string& table) {
  std::map<std::string, std::string> found;
  {
    std::lock_guard lock(read_mutex_);
    REMEX_TRY(auto q, reader_->query("SELECT key, value FROM hints WHERE tab = ?"));
    q.text(table);
    int rc = SQLITE_ROW;
    while ((rc = q.step()) == SQLITE_ROW) found[std::string(q.column(0))] = std::string(q.column(1));
    if (rc != SQLITE_DONE) return reader_->fail(fmt::format("reading {} data", table), rc);
  }
  std::lock_guard lock(overlay_mutex_);
  for (const auto& [where, entry] : hint_overlay_)
    if (where.first == table) found[where.second] = entry.first;
  return std::vector<std::pair<std::string, std::string>>(found.begin(), found.end());
}

Status SqliteStore::put_hint(const std::string& table, const std::string& key, const std::string& value) {
  return keep_hint(table, key, value, 0);
}

Status SqliteStore::keep_hint(const std::string& table, const std::string& key, const std::string& value,
                              std::int64_t until) {
  REMEX_CHECK(writable());
  std::uint64_t serial = 0;
  {
    std::lock_guard lock(overlay_mutex_);
    serial = ++overlay_serial_;
    hint_overlay_[{table, key}] = {value, serial};
  }
  writer_.post(
      Writer::About::hint,
      [this, table, key, value, at = std::max(until, wall_seconds())](Database& db) -> Applied {
        auto q = db.query("INSERT OR REPLACE INTO hints (tab, key, value, at) VALUES (?, ?, ?, ?)");
        if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
        if (const int rc = q->text(table).text(key).blob(value).integer(at).step(); rc != SQLITE_DONE) return {rc, {}};
        return {bound_hints(db, table), {}};
      },
      [this, table, key, serial](bool) { settle(overlay_mutex_, hint_overlay_, std::pair(table, key), serial); });
  return {};
}

void SqliteStore::set_hints_max(std::size_t records) { hints_max_ = std::max<std::size_t>(records, 16); }

std::vector<std::pair<std::string, std::uint64_t>> SqliteStore::take_hints_dropped() {
  std::lock_guard lock(dropped_mutex_);
  const auto all = std::exchange(dropped_, {});
  return {all.begin(), all.end()};
}

int SqliteStore::bound_hints(Database& db, const std::string& table) {
  const std::size_t max = hints_max_;
  // A process counts soon after its start: one that starts again and again must not grow the table either.
  const auto [writes, fresh] = hint_writes_.try_emplace(table, max / kCountEvery);
  if (++writes->second < std::max<std::size_t>(max / kCountEvery, 1)) return SQLITE_OK;
  writes->second = 0;
  const bool retry = table == "retry";
  std::size_t records = 0;
  {
    auto q = db.query(retry ? "SELECT count(*) FROM retry WHERE ?1 = ?1" : "SELECT count(*) FROM hints WHERE tab = ?1");
    if (!q) return SQLITE_ERROR;
    if (const int rc = q->text(table).step(); rc != SQLITE_ROW) return rc;
    records = static_cast<std::size_t>(q->column_int(0));
  }
  if (records <= max) return SQLITE_OK;
  auto q = db.query(
      retry ? "DELETE FROM retry WHERE ?1 = ?1 AND key IN (SELECT key FROM retry ORDER BY last_try, key LIMIT ?2)"
            : "DELETE FROM hints WHERE tab = ?1 AND key IN (SELECT key FROM hints WHERE tab = ?1 ORDER BY at, key "
              "LIMIT ?2)");
  if (!q) return SQLITE_ERROR;
  const int rc = q->text(table).integer(static_cast<std::int64_t>(records - max)).step();
  if (rc != SQLITE_DONE) return rc;
  std::lock_guard lock(dropped_mutex_);
  dropped_[table] += records - max;
  return SQLITE_OK;
}

Result<bool> SqliteStore::tidy_piece(const TidyTable& t, std::int64_t before, std::string& table, std::string& key) {
  struct Job {
    std::vector<std::pair<std::string, std::string>> old;
  };
  auto job = std::make_shared<Job>();
  std::size_t seen = 0;
  {
    std::lock_guard lock(read_mutex_);
    REMEX_TRY(auto q, reader_->query(t.look));
    const std::string from_table = table, from_key = key;
    q.text(from_table).text(from_key).integer(static_cast<std::int64_t>(kTidyPiece));
    int rc = SQLITE_DONE;
    while ((rc = q.step()) == SQLITE_ROW) {
      table = q.column(0);
      key = q.column(1);
      ++seen;
      if (q.column_int(2) < before) job->old.emplace_back(table, key);
    }
    if (rc != SQLITE_DONE) return reader_->fail("looking for old hints", rc);
  }
  if (!job->old.empty()) {
    REMEX_CHECK(writer_.submit([job, before, sql = t.forget](Database& db) -> Applied {
      for (const auto& [tab, k] : job->old) {
        auto q = db.query(sql);
        if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
        if (const int rc = q->text(tab).text(k).integer(before).step(); rc != SQLITE_DONE) return {rc, {}};
      }
      return {};
    }));
  }
  return seen == kTidyPiece;
}

Status SqliteStore::tidy(std::int64_t retry_before, std::int64_t hints_before) {
  REMEX_CHECK(writable());
  for (const auto& [t, before] : {std::pair(&kTidyRetry, retry_before), std::pair(&kTidyHints, hints_before)}) {
    std::string table, key;
    while (true) {
      REMEX_TRY(const bool more, tidy_piece(*t, before, table, key));
      if (!more) break;
      REMEX_CHECK(io::sleep_for(kTidyPause));
    }
  }
  return {};
}

}  // namespace remex::store
