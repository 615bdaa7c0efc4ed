// A thin layer over the SQLite C interface: connections and prepared statements with Result errors.
//
// Used by core/store only. A Database belongs to one thread at a time. Errors: defer for disk full, busy and I/O
// trouble (the text names the file and the reason), failed for a damaged or foreign database file. Nothing here throws.
#pragma once

#include "core/io/sqlite_api.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/result.h"

namespace remex::store {

struct CloseDb {
  void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
};
struct FinalizeStmt {
  void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
};

/// A prepared statement in use: reset when the object goes. Column and parameter numbers count from 0 and 1 as in
/// SQLite.
class Query {
 public:
  explicit Query(sqlite3_stmt* s) : s_(s) {}
  ~Query() {
    if (s_ != nullptr) {
      sqlite3_reset(s_);
      sqlite3_clear_bindings(s_);
    }
  }
  Query(Query&& o) noexcept : s_(std::exchange(o.s_, nullptr)), next_(o.next_) {}
  Query(const Query&) = delete;
  Query& operator=(const Query&) = delete;
  Query& operator=(Query&&) = delete;

  /// Binds the next parameter. The bytes must outlive the query.
  Query& text(std::string_view v);
  Query& blob(std::string_view v);
  Query& integer(std::int64_t v);
  Query& null();
  /// SQLITE_ROW, SQLITE_DONE or an error code.
  int step() { return sqlite3_step(s_); }
  std::int64_t column_int(int i) const { return sqlite3_column_int64(s_, i); }
  int columns() const { return sqlite3_column_count(s_); }
  /// SQLITE_INTEGER, SQLITE_TEXT, SQLITE_BLOB …
  int column_type(int i) const { return sqlite3_column_type(s_, i); }
  bool column_null(int i) const { return sqlite3_column_type(s_, i) == SQLITE_NULL; }
  /// Bytes of a text or blob column; valid until the next step.
  std::string_view column(int i) const;

 private:
  sqlite3_stmt* s_;
  int next_ = 1;
};

class Database {
 public:
  /// `flags` as of sqlite3_open_v2. `busy_ms`: how long a lock held by another process is waited for.
  static Result<std::unique_ptr<Database>> open(const std::string& path, int flags, int busy_ms);

  /// Runs statements without results; the SQLite code (SQLITE_OK when all went well).
  int exec(const char* sql) { return sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr); }
  /// A cached statement. `sql` must be a literal (its address is the key). Null inside when it does not compile.
  Result<Query> query(const char* sql);
  /// Turns the last error of this connection into an Error that names the file.
  Error error(std::string_view doing, int rc) const;
  std::unexpected<Error> fail(std::string_view doing, int rc) const { return std::unexpected(error(doing, rc)); }
  sqlite3* raw() { return db_.get(); }
  const std::string& path() const { return path_; }
  /// The file that was opened is no longer the one at its path.
  bool moved() const;
  /// A read or a sync failed, or the content made no sense: what this connection holds in memory is not to be trusted.
  /// Its owner opens another one, which reads the file again.
  bool doubtful() const { return doubtful_; }

 private:
  std::string path_;
  std::uint64_t device_ = 0, inode_ = 0;  ///< 0: not a file
  std::unique_ptr<sqlite3, CloseDb> db_;
  std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, FinalizeStmt>> statements_;
  mutable bool doubtful_ = false;
};

/// Creates the tables when they are missing, refuses a version it does not know. Two processes may call it at once.
Status prepare_schema(Database& db);
/// Per-connection settings: WAL, synchronous=FULL, no secure delete, cache sizes.
Status set_pragmas(Database& db, bool writer);

}  // namespace remex::store
