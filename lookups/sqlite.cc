// sqlite: SQL on one file, on the thread pool, because a query may be long and a lock is waited for.
//
// Open databases are kept, a few per lookup cache, and taken by one look-up at a time. A file that another replaced is
// opened anew. Busy for longer than sqlite_lock_timeout, not a database, wrong SQL: kind defer.
#include <sys/stat.h>

#include <atomic>
#include <list>

#include <fmt/format.h>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/fiber.h"
#include "core/io/sqlite_api.h"
#include "lang/config.h"
#include "lang/expand.h"
#include "lang/lookup.h"
#include "lang/scope.h"
#include "lookups/row_format.h"
#include "lookups/server_list.h"

namespace remex::lookups {

namespace {

using namespace lang;

constexpr std::size_t kMaxIdle = 8;

struct Database {
  std::string path;
  dev_t dev = 0;
  ino_t ino = 0;
  sqlite3* db = nullptr;
  /// For the progress handler, which runs on another thread.
  std::atomic<std::int64_t> give_up_at{0};

  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database() { sqlite3_close(db); }
  bool still_there() const {
    struct stat st{};
    return ::stat(path.c_str(), &st) == 0 && st.st_dev == dev && st.st_ino == ino;
  }
};

struct OpenSqlite : LookupHandle {
  std::list<std::unique_ptr<Database>> idle;  ///< most recently used first
};

Result<std::unique_ptr<LookupHandle>> open(Scope&, const std::string&) { return std::make_unique<OpenSqlite>(); }

std::int64_t ticks() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(monotonic_now().time_since_epoch()).count();
}

int out_of_time(void* database) {
  const std::int64_t at = static_cast<Database*>(database)->give_up_at;
  return at != 0 && ticks() > at ? 1 : 0;
}

std::unexpected<Error> sql_error(const Database& d, std::string_view what) {
  return defer(fmt::format("{}: sqlite {}: {}", printable(d.path), what,
                           d.db != nullptr ? sqlite3_errmsg(d.db) : "out of memory"));
}

/// On the thread pool.
Status open_database(Database& d) {
  struct stat st{};
  if (::stat(d.path.c_str(), &st) != 0) return defer(fmt::format("{}: {}", printable(d.path), std::strerror(errno)));
  d.dev = st.st_dev;
  d.ino = st.st_ino;
  // The library itself falls back to reading only where writing is not permitted. It never makes a file.
  const int rc = sqlite3_open_v2(d.path.c_str(), &d.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  if (rc != SQLITE_OK) return sql_error(d, "cannot open");
  sqlite3_limit(d.db, SQLITE_LIMIT_ATTACHED, 0);
  sqlite3_progress_handler(d.db, 1000, out_of_time, &d);
  return {};
}

/// Runs one statement; rows go to `out`. `changes` is set when it could have changed something.
Status run_statement(Database& d, sqlite3_stmt* stmt, std::optional<RowFormat>& out) {
  const int columns = sqlite3_column_count(stmt);
  for (;;) {
    const int rc = sqlite3_step(stmt);
    if (rc == SQLITE_DONE) return {};
    if (rc != SQLITE_ROW) return sql_error(d, "error");
    if (!out) out.emplace(static_cast<std::size_t>(columns));
    out->start_row();
    for (int i = 0; i < columns; ++i) {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(stmt, i));
      const auto size = static_cast<std::size_t>(sqlite3_column_bytes(stmt, i));
      out->value(sqlite3_column_name(stmt, i), text != nullptr ? std::string_view(text, size) : "<NULL>");
    }
    if (out->too_large()) return defer("the result of a sqlite lookup is longer than 16 MiB");
  }
}

struct Outcome {
  LookupResult result;
  bool read_only = true;
};

/// On the thread pool. Statements of a query run one after the other.
Outcome run_query(Database& d, const std::string& query, std::int64_t lock_timeout_ms) {
  Outcome out;
  if (d.db == nullptr)
    if (auto opened = open_database(d); !opened) {
      out.result = std::unexpected(std::move(opened).error());
      return out;
    }
  sqlite3_busy_timeout(d.db, static_cast<int>(lock_timeout_ms));
  std::optional<RowFormat> rows;
  const char* rest = query.c_str();
  const char* end = rest + query.size();
  while (rest < end) {
    sqlite3_stmt* stmt = nullptr;
    if (sqlite3_prepare_v2(d.db, rest, static_cast<int>(end - rest), &stmt, &rest) != SQLITE_OK) {
      out.result = sql_error(d, "error");
      return out;
    }
    if (stmt == nullptr) break;  // blanks, a comment
    out.read_only = out.read_only && sqlite3_stmt_readonly(stmt) != 0;
    auto ran = run_statement(d, stmt, rows);
    sqlite3_finalize(stmt);
    if (!ran) {
      out.result = std::unexpected(std::move(ran).error());
      return out;
    }
  }
  auto text = rows ? std::move(*rows).finish() : std::nullopt;
  out.result = text ? std::optional<Text>(Text(std::move(*text))) : std::nullopt;
  return out;
}

std::unique_ptr<Database> take(OpenSqlite& pool, const std::string& path) {
  for (auto it = pool.idle.begin(); it != pool.idle.end(); ++it) {
    if ((*it)->path != path) continue;
    auto found = std::move(*it);
    pool.idle.erase(it);
    if (found->still_there()) return found;
    break;
  }
  auto fresh = std::make_unique<Database>();
  fresh->path = path;
  return fresh;
}

/// The file: the option, the head of the query (old style), or sqlite_dbfile.
Result<std::string> choose_file(Scope& scope, const LookupRequest& request, std::string_view& query) {
  std::string file(request.option("file"));
  if (file.empty() && query.starts_with('/')) {
    if (request.key.is_tainted())
      return fail(ErrorKind::taint, "the file name in a sqlite query is tainted with it: use the option file=");
    std::size_t n = 0;
    while (n < query.size() && !is_space(query[n])) ++n;
    file = query.substr(0, n);
    query = trim_left(query.substr(n));
  }
  if (file.empty() && scope.config != nullptr && scope.config->main.sqlite_dbfile.is_set()) {
    const Expansion& dbfile = scope.config->main.sqlite_dbfile;
    // Answers are kept by what the lookup says, and that does not name a file that is another one each time.
    if (!dbfile.is_constant()) request.keep_answer = false;
    REMEX_TRY(const Text expanded, dbfile.eval(scope));
    if (expanded.is_tainted()) return fail(ErrorKind::taint, "sqlite_dbfile expands to a tainted file name");
    file = expanded.str();
  }
  if (!file.starts_with('/')) return defer("absolute file name expected for \"sqlite\" lookup");
  return file;
}

LookupResult find(Scope& scope, LookupHandle* handle, const LookupRequest& request) {
  std::string_view query = request.key.view();
  REMEX_TRY(const std::string file, choose_file(scope, request, query));
  auto& pool = *static_cast<OpenSqlite*>(handle);
  std::unique_ptr<Database> database = take(pool, file);
  const std::int64_t lock_ms = (scope.config != nullptr ? scope.config->main.sqlite_lock_timeout : 5) * 1000;
  database->give_up_at = ticks() + std::max<std::int64_t>(lock_ms, 1) + lookup_timeout(scope).count();
  Outcome outcome = io::offload([&] { return run_query(*database, std::string(query), lock_ms); });
  if (!outcome.read_only) request.keep_answer = false;
  if (outcome.result) {
    pool.idle.push_front(std::move(database));
    if (pool.idle.size() > kMaxIdle) pool.idle.pop_back();
  }
  return std::move(outcome.result);
}

std::string quote(std::string_view s, std::string_view) { return replace_all(s, "'", "''"); }

constexpr Example kSqliteExamples[] = {
    {.input = "${lookup sqlite,file=/var/lib/remex/users.db {select home from accounts where name='jane'}}",
     .output = "/srv/mail/jane",
     .setup = "create table accounts(name text, home text);\ninsert into accounts values ('jane', '/srv/mail/jane');"},
    {.input = "${lookup sqlite,file=/var/lib/remex/users.db {selekt home from accounts}}",
     .error = "syntax error",
     .setup = "create table accounts(name text, home text);"}};

constexpr LookupDef defs[] = {{
    .name = "sqlite",
    .style = LookupStyle::query,
    .summary = "SQL on an SQLite file",
    .doc = "The file is given by the option file=, by sqlite_dbfile, or, in the old style, in front of the query. "
           "Several columns give name=value pairs, several rows are separated by newlines, NULL is <NULL>. A query "
           "that yields no row, such as INSERT, is not found. Wrong SQL and a missing file defer; a file is never "
           "made. sqlite_lock_timeout bounds the wait for a locked file.",
    .examples = kSqliteExamples,
    .options = "file=*",
    .open = open,
    .find = find,
    .quote = quote,
    .needs_quoting = true,
}};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> sqlite;
constinit const std::span<const LookupDef> sqlite{remex::lookups::defs};
}  // namespace remex::registry::lookups
