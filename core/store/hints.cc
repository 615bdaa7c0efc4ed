// Retry records and other hints of the SqliteStore: written lazily, read through an overlay of what is not committed
// yet.
#include <fmt/format.h>

#include <utility>

#include "core/store/sqlite_store.h"

namespace remex::store {
namespace {

RetryRecord record_of(const Query& q) {
  RetryRecord r;
  r.key = q.column(0);
  r.error = q.column(1);
  r.error_text = q.column(2);
  r.first_failed = q.column_int(3);
  r.last_try = q.column_int(4);
  r.next_try = q.column_int(5);
  r.expired = q.column_int(6) != 0;
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

Result<std::optional<RetryRecord>> SqliteStore::get_retry(const std::string& key) {
  {
    std::lock_guard lock(overlay_mutex_);
    if (const auto it = retry_overlay_.find(key); it != retry_overlay_.end()) return it->second.first;
  }
  std::lock_guard lock(read_mutex_);
  REMEX_TRY(auto q,
            reader_->query(
                "SELECT key, error, error_text, first_failed, last_try, next_try, expired FROM retry WHERE key = ?"));
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
      [r](Database& db) -> Applied {
        auto q = db.query(
            "INSERT OR REPLACE INTO retry (key, error, error_text, first_failed, last_try, next_try, expired)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)");
        if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
        q->text(r.key).text(r.error).text(r.error_text).integer(r.first_failed).integer(r.last_try).integer(r.next_try);
        return done(q->integer(r.expired ? 1 : 0).step());
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
    REMEX_TRY(auto q,
              reader_->query("SELECT key, error, error_text, first_failed, last_try, next_try, expired FROM retry"));
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
  REMEX_CHECK(writable());
  std::uint64_t serial = 0;
  {
    std::lock_guard lock(overlay_mutex_);
    serial = ++overlay_serial_;
    hint_overlay_[{table, key}] = {value, serial};
  }
  writer_.post(
      [table, key, value](Database& db) -> Applied {
        auto q = db.query("INSERT OR REPLACE INTO hints (tab, key, value) VALUES (?, ?, ?)");
        if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
        return done(q->text(table).text(key).blob(value).step());
      },
      [this, table, key, serial](bool) { settle(overlay_mutex_, hint_overlay_, std::pair(table, key), serial); });
  return {};
}

}  // namespace remex::store
