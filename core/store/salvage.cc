// Reading around damaged pages; see salvage.h.
#include "core/store/salvage.h"

#include "core/base/ids.h"

namespace remex::store {
namespace {

/// The first column of all rows up to the first that cannot be read.
template <class Take>
void scan(Database& db, const char* sql, const Take& take) {
  auto q = db.query(sql);
  if (!q) return;
  while (q->step() == SQLITE_ROW) take(*q);
}

/// The first key from `from` on: 1 found, 0 there is none, -1 a damaged page is in the way.
int seek(Database& db, std::int64_t from, std::int64_t& key) {
  auto q = db.query("SELECT key FROM content WHERE key >= ? ORDER BY key LIMIT 1");
  if (!q) return -1;
  const int rc = q->integer(from).step();
  if (rc == SQLITE_ROW) key = q->column_int(0);
  return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : -1;
}

/// The first readable key behind a damaged page that `from` leads to; false: there is none. A second damaged page
/// nearby may take readable ones between the two with it.
bool behind_damage(Database& db, std::int64_t from, std::int64_t& key) {
  constexpr std::int64_t kFar = std::int64_t{1} << 40;
  std::int64_t bad = 0, good = 1;
  int found = -1;
  while (good < kFar && (found = seek(db, from + good, key)) < 0) bad = good, good *= 2;
  if (found < 0) return false;
  while (good - bad > 1) {
    const std::int64_t middle = bad + (good - bad) / 2;
    std::int64_t at = 0;
    const int rc = seek(db, from + middle, at);
    if (rc < 0) {
      bad = middle;
    } else {
      good = middle, found = rc, key = at;
    }
  }
  return found == 1;
}

}  // namespace

std::set<std::string> salvage_ids(Database& db) {
  std::set<std::string> ids;
  const auto take = [&](const Query& q) {
    if (std::string id(q.column(0)); is_message_id(id)) ids.insert(std::move(id));
  };
  scan(db, "SELECT id FROM messages NOT INDEXED ORDER BY id", take);
  scan(db, "SELECT id FROM messages NOT INDEXED ORDER BY id DESC", take);
  return ids;
}

std::set<std::string> salvage_ids_of_copy(std::unique_ptr<Database>& copy) {
  std::set<std::string> ids = salvage_ids(*copy);
  // An index holds its columns and the key of the table, as a table without rowid with these columns does.
  const int rc = copy->exec(
      "PRAGMA writable_schema=ON;"
      "UPDATE sqlite_master SET type = 'table', name = 'ids_waiting', tbl_name = 'ids_waiting', sql = 'CREATE TABLE "
      "ids_waiting"
      " (queue, next_attempt, id, PRIMARY KEY (queue, next_attempt, id)) WITHOUT ROWID' WHERE name = "
      "'messages_waiting';"
      "UPDATE sqlite_master SET type = 'table', name = 'ids_frozen', tbl_name = 'ids_frozen', sql = 'CREATE TABLE "
      "ids_frozen"
      " (queue, id, PRIMARY KEY (queue, id)) WITHOUT ROWID' WHERE name = 'messages_frozen';");
  if (rc != SQLITE_OK) return ids;
  auto again = Database::open(copy->path(), SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, 0);  // reads the schema anew
  if (!again) return ids;
  copy = std::move(*again);
  const auto take = [&](const Query& q) {
    if (std::string id(q.column(0)); is_message_id(id)) ids.insert(std::move(id));
  };
  for (const char* sql :
       {"SELECT id FROM ids_waiting ORDER BY queue, next_attempt, id",
        "SELECT id FROM ids_waiting ORDER BY queue DESC, next_attempt DESC, id DESC",
        "SELECT id FROM ids_frozen ORDER BY queue, id", "SELECT id FROM ids_frozen ORDER BY queue DESC, id DESC"})
    scan(*copy, sql, take);
  return ids;
}

std::set<std::int64_t> salvage_content_keys(Database& db) {
  std::set<std::int64_t> keys;
  std::int64_t key = 0;
  for (std::int64_t from = 0;; from = key + 1) {
    const int rc = seek(db, from, key);
    if (rc == 0 || (rc < 0 && !behind_damage(db, from, key))) break;
    keys.insert(key);
  }
  scan(db, "SELECT key FROM content ORDER BY key DESC", [&](const Query& q) { keys.insert(q.column_int(0)); });
  return keys;
}

std::set<std::string> salvage_body_files(Database& db) {
  std::set<std::string> names;
  const auto take = [&](const Query& q) { names.emplace(q.column(0)); };
  for (const char* sql :
       {"SELECT body_file FROM content INDEXED BY content_files WHERE body_file IS NOT NULL ORDER BY body_file",
        "SELECT body_file FROM content INDEXED BY content_files WHERE body_file IS NOT NULL ORDER BY body_file DESC",
        "SELECT body_file FROM content NOT INDEXED WHERE body_file IS NOT NULL ORDER BY key",
        "SELECT body_file FROM content NOT INDEXED WHERE body_file IS NOT NULL ORDER BY key DESC"})
    scan(db, sql, take);
  return names;
}

}  // namespace remex::store
