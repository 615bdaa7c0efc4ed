// SQLite wrapper; see sqlite.h. The schema is here too, so that one file shows what is on disk.
#include "core/store/sqlite.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "core/base/clock.h"

namespace remex::store {
namespace {

/// "remx" as application_id: a foreign database in our place is refused rather than written to.
constexpr int kApplicationId = 0x72656d78;
constexpr int kSchemaVersion = 3;
constexpr Millis kCreationPatience{10'000}, kCreationPause{10};

// messages has no rowid: the message id is the key, and rows stay small so that listing 100 000 reads few pages.
// Headers and body live in content, which a delivery attempt that only changes recipients never rewrites.
constexpr const char* kSchema = R"sql(
CREATE TABLE messages (
  id TEXT PRIMARY KEY, sender TEXT NOT NULL, size INTEGER NOT NULL, received INTEGER NOT NULL, frozen INTEGER NOT NULL,
  next_attempt INTEGER NOT NULL, queue TEXT NOT NULL, content INTEGER NOT NULL, envelope BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE content (key INTEGER PRIMARY KEY, body_file TEXT, body_size INTEGER NOT NULL, headers BLOB NOT NULL, body BLOB);
CREATE INDEX messages_waiting ON messages (queue, next_attempt, id) WHERE frozen = 0;
CREATE INDEX messages_frozen ON messages (queue, id) WHERE frozen <> 0;
CREATE INDEX content_files ON content (body_file) WHERE body_file IS NOT NULL;
CREATE TABLE message_log (id TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE retry (
  key TEXT PRIMARY KEY, error TEXT NOT NULL, error_text TEXT NOT NULL, first_failed INTEGER NOT NULL, last_try INTEGER NOT NULL,
  next_try INTEGER NOT NULL, expired INTEGER NOT NULL, told TEXT NOT NULL DEFAULT '') WITHOUT ROWID;
CREATE TABLE hints (
  tab TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (tab, key)) WITHOUT ROWID;
)sql";

Result<std::int64_t> pragma_int(Database& db, const char* sql) {
  REMEX_TRY(auto q, db.query(sql));
  const int rc = q.step();
  if (rc != SQLITE_ROW) return db.fail("reading the spool database", rc);
  return q.column_int(0);
}

/// Version 1 did not note when a hint was written. Its hints count as written now, and so do those of a program of that
/// version which still runs.
std::string from_version_1() {
  return fmt::format("ALTER TABLE hints ADD COLUMN at INTEGER NOT NULL DEFAULT {};", wall_seconds());
}

/// Version 2 did not note what senders may know of a retry record, and found due messages without asking which queue
/// they are in.
constexpr const char* kFromVersion2 =
    "ALTER TABLE retry ADD COLUMN told TEXT NOT NULL DEFAULT '';"
    "CREATE INDEX messages_waiting ON messages (queue, next_attempt, id) WHERE frozen = 0;"
    "CREATE INDEX messages_frozen ON messages (queue, id) WHERE frozen <> 0;"
    "DROP INDEX messages_due;";

/// Brings the spool of an older version up to date, in one transaction. Programs of that version which still run go on
/// with it.
Status convert(Database& db) {
  if (sqlite3_db_readonly(db.raw(), "main") == 1) return {};  // reading the queue needs nothing of it
  int rc = db.exec("BEGIN IMMEDIATE");
  if (rc != SQLITE_OK) return db.fail("converting the spool database", rc);
  const auto now = pragma_int(db, "PRAGMA user_version");  // another process may have been quicker
  if (!now || *now == kSchemaVersion) {
    db.exec("ROLLBACK");
    return now ? Status() : std::unexpected(now.error());
  }
  rc = db.exec(fmt::format("{}{}PRAGMA user_version={}; COMMIT", *now == 1 ? from_version_1() : "", kFromVersion2,
                           kSchemaVersion)
                   .c_str());
  if (rc == SQLITE_OK) return {};
  Error e = db.error("converting the spool database", rc);
  db.exec("ROLLBACK");
  return std::unexpected(std::move(e));
}

}  // namespace

Query& Query::text(std::string_view v) {
  sqlite3_bind_text64(s_, next_++, v.data() != nullptr ? v.data() : "", v.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Query& Query::blob(std::string_view v) {
  sqlite3_bind_blob64(s_, next_++, v.data() != nullptr ? v.data() : "", v.size(), SQLITE_STATIC);
  return *this;
}

Query& Query::integer(std::int64_t v) {
  sqlite3_bind_int64(s_, next_++, v);
  return *this;
}

Query& Query::null() {
  sqlite3_bind_null(s_, next_++);
  return *this;
}

std::string_view Query::column(int i) const {
  const void* p = sqlite3_column_blob(s_, i);
  const int n = sqlite3_column_bytes(s_, i);
  return p == nullptr ? std::string_view{} : std::string_view(static_cast<const char*>(p), static_cast<std::size_t>(n));
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, int flags, int busy_ms) {
  auto db = std::make_unique<Database>();
  db->path_ = path;
  sqlite3* raw = nullptr;
  const int rc = sqlite3_open_v2(path.c_str(), &raw, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  db->db_.reset(raw);
  if (rc != SQLITE_OK) {
    const int err = raw != nullptr ? sqlite3_system_errno(raw) : 0;
    return std::unexpected(Error{ErrorKind::defer,
                                 fmt::format("cannot open the spool database {}: {}{}{}", path, sqlite3_errstr(rc),
                                             err != 0 ? ": " : "", err != 0 ? std::strerror(err) : ""),
                                 err});
  }
  // SQLite is content with reading when it may not write at this moment; that would last as long as the connection.
  if ((flags & SQLITE_OPEN_READWRITE) != 0 && sqlite3_db_readonly(raw, "main") == 1)
    return std::unexpected(
        Error{ErrorKind::defer, fmt::format("cannot open the spool database {}: it may not be written", path), EACCES});
  sqlite3_busy_timeout(raw, busy_ms);
  if (struct stat st{}; ::stat(path.c_str(), &st) == 0) db->device_ = st.st_dev, db->inode_ = st.st_ino;
  return db;
}

bool Database::moved() const {
  struct stat st{};
  return inode_ != 0 && (::stat(path_.c_str(), &st) != 0 || st.st_ino != inode_ || st.st_dev != device_);
}

Result<Query> Database::query(const char* sql) {
  auto& slot = statements_[sql];
  if (!slot) {
    sqlite3_stmt* s = nullptr;
    const int rc = sqlite3_prepare_v3(db_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &s, nullptr);
    if (rc != SQLITE_OK) return fail("preparing a statement", rc);
    slot.reset(s);
  }
  return Query(slot.get());
}

Error Database::error(std::string_view doing, int rc) const {
  const int base = rc & 0xff;
  if (base == SQLITE_IOERR || base == SQLITE_CORRUPT || base == SQLITE_NOTADB || base == SQLITE_READONLY)
    doubtful_ = true;
  int err = sqlite3_system_errno(db_.get());
  if (base == SQLITE_FULL && err == 0) err = ENOSPC;
  if (base != SQLITE_FULL && base != SQLITE_IOERR && base != SQLITE_CANTOPEN) err = 0;
  const std::string why = err != 0 ? fmt::format(": {}", std::strerror(err)) : std::string();
  switch (base) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Error{ErrorKind::failed,
                   fmt::format("{}: the spool database {} is damaged: {} (\"remex queue repair\" keeps what is whole)",
                               doing, path_, sqlite3_errstr(rc)),
                   0};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Error{ErrorKind::defer,
                   fmt::format("{}: the spool database {} is in use by another process for too long", doing, path_), 0};
    case SQLITE_FULL:
      return Error{ErrorKind::defer, fmt::format("{}: no space for the spool database {}{}", doing, path_, why), err};
    case SQLITE_CONSTRAINT:
      return Error{ErrorKind::failed, fmt::format("{}: {} ({})", doing, sqlite3_errmsg(db_.get()), path_), 0};
    default:
      return Error{ErrorKind::defer,
                   fmt::format("{}: spool database {}: {}{}", doing, path_, sqlite3_errmsg(db_.get()), why), err};
  }
}

Status set_pragmas(Database& db, bool writer) {
  // Debian's SQLite overwrites deleted content by default: that doubles the cost of a removal and the spool is not a
  // safe anyway. Checkpoints are run by the writer after its waiters were answered, never inside a commit.
  const char* sql =
      writer
          ? "PRAGMA secure_delete=OFF; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-8192;"
            "PRAGMA journal_size_limit=67108864; PRAGMA temp_store=MEMORY; PRAGMA cache_spill=OFF;"
          : "PRAGMA cache_size=-2048; PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=0;";
  if (const int rc = db.exec(sql); rc != SQLITE_OK) return db.fail("setting up the spool database", rc);
  // The WAL file stays when the last process closes: it is recycled, and opening is cheap for the command-line modes.
  int keep = 1;
  sqlite3_file_control(db.raw(), "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
  if (writer) {
    int chunk = 1 << 20;
    sqlite3_file_control(db.raw(), "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
  }
  return {};
}

namespace {

Status prepare_once(Database& db) {
  REMEX_TRY(const auto version, pragma_int(db, "PRAGMA user_version"));
  if (version >= 1 && version <= kSchemaVersion) {
    REMEX_TRY(const auto app, pragma_int(db, "PRAGMA application_id"));
    if (app != kApplicationId) return remex::fail(fmt::format("{} is not a remex spool database", db.path()));
    return version < kSchemaVersion ? convert(db) : Status();
  }
  if (version != 0) {
    return remex::fail(fmt::format("spool database {} has schema version {}, this program knows version {}", db.path(),
                                   version, kSchemaVersion));
  }
  // page_size and journal_mode must come before the first table and outside a transaction.
  int rc = db.exec("PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA secure_delete=OFF; BEGIN IMMEDIATE");
  if (rc != SQLITE_OK) return db.fail("creating the spool database", rc);
  REMEX_TRY(const auto again, pragma_int(db, "PRAGMA user_version"));  // another process may have been quicker
  if (again == kSchemaVersion) {
    db.exec("ROLLBACK");
    return {};
  }
  {
    REMEX_TRY(auto q, db.query("SELECT count(*) FROM sqlite_master"));
    if (q.step() == SQLITE_ROW && q.column_int(0) != 0) {
      db.exec("ROLLBACK");
      return remex::fail(fmt::format("{} is not a remex spool database", db.path()));
    }
  }
  rc = db.exec(kSchema);
  if (rc == SQLITE_OK)
    rc = db.exec(fmt::format("PRAGMA application_id={}; PRAGMA user_version={}; COMMIT", kApplicationId, kSchemaVersion)
                     .c_str());
  if (rc != SQLITE_OK) {
    Error e = db.error("creating the spool database", rc);
    db.exec("ROLLBACK");
    return std::unexpected(std::move(e));
  }
  return {};
}

}  // namespace

Status prepare_schema(Database& db) {
  // Of several processes that make a new database at the same moment SQLite tells some that it is locked, without the
  // wait that it was given: the change to a write-ahead log does not know it.
  const Instant patient = monotonic_now() + kCreationPatience;
  for (;;) {
    Status prepared = prepare_once(db);
    const bool busy = !prepared && (sqlite3_errcode(db.raw()) & 0xff) == SQLITE_BUSY;
    if (!busy || monotonic_now() >= patient) return prepared;
    if (sqlite3_get_autocommit(db.raw()) == 0) db.exec("ROLLBACK");
    std::this_thread::sleep_for(kCreationPause);
  }
}

}  // namespace remex::store
