// Messages in SQLite: insert, load, update, remove; see sqlite_store.h.
#include "core/store/sqlite_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "core/store/bodies.h"
#include "core/store/codec.h"
#include "core/store/repair.h"

namespace remex::store {
namespace {

/// A body file with a shared lock, as every reader of it has one.
class HeldFile {
 public:
  explicit HeldFile(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)),
        locked_(fd_ >= 0 && ::flock(fd_, LOCK_SH | LOCK_NB) == 0) {}
  ~HeldFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  HeldFile(const HeldFile&) = delete;
  HeldFile& operator=(const HeldFile&) = delete;
  /// False: somebody looks at it just now, or it cannot be opened. It is left to the search for orphans.
  bool locked() const { return locked_; }

 private:
  int fd_;
  bool locked_;
};

struct HeldClaim final : Claim {
  HeldClaim(std::shared_ptr<ClaimTable> t, std::string i) : table(std::move(t)), id(std::move(i)) {}
  ~HeldClaim() override {
    if (held && !kept) table->release(id);
  }
  void keep() override { kept = true; }
  HeldClaim(const HeldClaim&) = delete;
  HeldClaim& operator=(const HeldClaim&) = delete;
  std::shared_ptr<ClaimTable> table;
  std::string id;
  bool held = false, kept = false;
};

Status make_directory(const std::string& path) {
  for (std::size_t at = 1; at <= path.size(); ++at) {
    if (at < path.size() && path[at] != '/') continue;
    const std::string part = path.substr(0, at);
    if (::mkdir(part.c_str(), 0750) != 0 && errno != EEXIST) {
      struct stat st{};
      if (::stat(part.c_str(), &st) == 0 && S_ISDIR(st.st_mode)) continue;
      Error e = fail_errno(errno, fmt::format("create spool directory {}", part)).error();
      e.kind = ErrorKind::defer;
      return std::unexpected(std::move(e));
    }
  }
  return {};
}

Applied delete_content(Database& db, std::int64_t key, std::string& file) {
  auto q = db.query("DELETE FROM content WHERE key = ? RETURNING body_file");
  if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
  int rc = q->integer(key).step();
  if (rc == SQLITE_ROW) {
    file = q->column(0);
    rc = q->step();
  }
  return {rc == SQLITE_DONE ? SQLITE_OK : rc, {}};
}

/// What of a message is deleted. SQLite commits nothing of a transaction that met a damaged page, so what is on one
/// stays, and the message goes all the same: else it would be delivered again.
struct Parts {
  bool content = true, log = true;
  /// The next best; false: there is none.
  bool lessen() { return std::exchange(log, false) || std::exchange(content, false); }
};

/// Deletes the rows; `file` gets the body file's name.
Applied remove_rows(Database& db, const std::string& id, Parts parts, std::string& file) {
  std::int64_t key = -1;
  {
    auto q = db.query("DELETE FROM messages WHERE id = ? RETURNING content");
    if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
    int rc = q->text(id).step();
    if (rc == SQLITE_ROW) {
      key = q->column_int(0);
      rc = q->step();
    }
    if (rc != SQLITE_DONE) return {rc, {}};
  }
  if (key < 0) return {SQLITE_OK, remex::fail(ErrorKind::not_found, fmt::format("message {} is not on the queue", id))};
  if (parts.content)
    if (const Applied a = delete_content(db, key, file); a.rc != SQLITE_OK || !a.status) return a;
  if (!parts.log) return {};
  auto q = db.query("DELETE FROM message_log WHERE id = ?");
  if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
  const int rc = q->text(id).step();
  return {rc == SQLITE_DONE ? SQLITE_OK : rc, {}};
}

Applied append_log(Database& db, const std::string& id, const std::string& text) {
  if (text.empty()) return {};
  auto q = db.query(
      "INSERT INTO message_log (id, text) SELECT ?1, ?2 WHERE EXISTS (SELECT 1 FROM messages WHERE id = ?1)"
      " ON CONFLICT (id) DO UPDATE SET text = substr(text || excluded.text, -65536)");
  if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
  const int rc = q->text(id).text(text).step();
  return {rc == SQLITE_DONE ? SQLITE_OK : rc, {}};
}

/// The changeable row. `envelope` is the encoded form of `e`.
Applied update_row(Database& db, const mail::Envelope& e, const std::string& envelope, std::int64_t next_attempt) {
  auto q = db.query(
      "UPDATE messages SET sender = ?, size = ?, frozen = ?, next_attempt = ?, queue = ?, envelope = ? WHERE id = ?");
  if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
  q->text(e.sender)
      .integer(static_cast<std::int64_t>(e.size))
      .integer(e.frozen ? 1 : 0)
      .integer(next_attempt)
      .text(e.queue_name);
  const int rc = q->blob(envelope).text(e.id).step();
  if (rc != SQLITE_DONE) return {rc, {}};
  if (sqlite3_changes(db.raw()) == 0)
    return {SQLITE_OK, remex::fail(ErrorKind::not_found, fmt::format("message {} is not on the queue", e.id))};
  return {};
}

/// What may not be looked at is not empty.
std::unexpected<Error> no_right(const std::string& spool_directory) {
  return fail_errno(EACCES,
                    fmt::format("the spool {} (root, exim_user and its group may look at it)", spool_directory));
}

/// The database of a spool, made when missing.
Result<std::unique_ptr<Database>> open_spool(const std::string& spool_directory, const std::string& path) {
  if (::access(repaired_database(path).c_str(), F_OK) == 0)
    return remex::fail(
        ErrorKind::defer,
        fmt::format("a repair of the spool database {} was broken off: \"remex queue repair\" ends it", path));
  const bool exists = ::access(path.c_str(), F_OK) == 0;
  if (!exists && errno == EACCES) return no_right(spool_directory);
  if (!exists) {
    REMEX_CHECK(make_directory(spool_directory + "/db"));
    REMEX_CHECK(make_directory(spool_directory + "/bodies"));
    // SQLite would make it readable for all; its WAL takes over the mode.
    if (const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640); fd >= 0) ::close(fd);
  }
  const bool can_write = ::access(path.c_str(), W_OK) == 0 || !exists;
  const int flags = can_write ? SQLITE_OPEN_READWRITE | (exists ? 0 : SQLITE_OPEN_CREATE) : SQLITE_OPEN_READONLY;
  REMEX_TRY(auto db, Database::open(path, flags | SQLITE_OPEN_NOFOLLOW, 10000));
  REMEX_CHECK(prepare_schema(*db));
  REMEX_CHECK(set_pragmas(*db, false));
  return db;
}

}  // namespace

Result<std::shared_ptr<Store>> Store::open(const StoreOptions& opt) {
  const std::string directory = opt.directory + "/db", path = directory + "/spool.sqlite",
                    bodies = opt.directory + "/bodies";
  if (opt.read_only && ::access(path.c_str(), F_OK) != 0) {
    if (errno == EACCES) return no_right(opt.directory);
    // An empty queue, and nothing is created by looking at it.
    REMEX_TRY(auto db, Database::open(":memory:", SQLITE_OPEN_READWRITE, 0));
    REMEX_CHECK(prepare_schema(*db));
    return std::make_shared<SqliteStore>(opt, path, bodies, std::move(db), nullptr);
  }
  REMEX_TRY(auto db, open_spool(opt.directory, path));
  std::shared_ptr<ClaimTable> claims;
  if (!opt.read_only) {
    REMEX_TRY(claims, ClaimTable::open(directory + "/claims.lock"));
  }
  return std::make_shared<SqliteStore>(opt, path, bodies, std::move(db), std::move(claims));
}

Status SqliteStore::follow_spool() {
  {
    std::lock_guard lock(read_mutex_);
    if (!claims_) return {};
    const bool moved = reader_->moved();
    if (!moved && !reader_->doubtful()) return {};
    REMEX_TRY(auto db, open_spool(opt_.directory, db_path_));
    if (!moved) {  // the same spool, read anew; who holds a message goes on holding it
      reader_ = std::move(db);
      return {};
    }
    REMEX_TRY(auto claims, ClaimTable::open(opt_.directory + "/db/claims.lock"));
    reader_ = std::move(db);
    claims_ = std::move(claims);
    left_alone_.clear();
  }
  if (pool_) pool_->forget();
  return {};
}

SqliteStore::SqliteStore(StoreOptions opt, std::string db_path, std::string body_directory,
                         std::unique_ptr<Database> reader, std::shared_ptr<ClaimTable> claims)
    : opt_(std::move(opt)),
      db_path_(std::move(db_path)),
      body_directory_(std::move(body_directory)),
      reader_(std::move(reader)),
      claims_(std::move(claims)),
      pool_(opt_.server && claims_ ? std::make_shared<BodyPool>(body_directory_, BodyPool::Limits{},
                                                                [this](const std::string& n) { return names_body(n); })
                                   : nullptr),
      writer_(db_path_, opt_.server && claims_) {
  writer_.set_tick([this](Database& db) { on_tick(db); });
}

SqliteStore::~SqliteStore() { post_logs(); }

std::shared_ptr<ClaimTable> SqliteStore::claim_table() const {
  std::lock_guard lock(read_mutex_);
  return claims_;
}

Status SqliteStore::writable() const {
  if (claim_table()) return {};
  return remex::fail(fmt::format("the spool {} is open for reading only", opt_.directory));
}

int SqliteStore::lock_descriptor() const {
  const auto table = claim_table();
  return table ? table->descriptor() : -1;
}

bool SqliteStore::names_body(const std::string& name) {
  std::lock_guard lock(read_mutex_);
  auto q = reader_->query("SELECT 1 FROM content WHERE body_file = ?");
  return !q || q->text(name).step() != SQLITE_DONE;
}

std::unique_ptr<BodyWriter> SqliteStore::new_body() {
  (void)follow_spool();  // insert() will say what is wrong
  return new_body_writer(body_directory_, opt_.body_in_database_max, pool_);
}

Result<StoredMessage> SqliteStore::load(const std::string& id) {
  const auto missing = [&] {
    return remex::fail(ErrorKind::not_found, fmt::format("message {} is not on the queue", id));
  };
  if (claims_ && claims_->removal_pending(id)) return missing();
  StoredMessage m;
  std::string file;
  std::uint64_t size = 0;
  {
    std::lock_guard lock(read_mutex_);
    left_alone_.erase(id);
    REMEX_TRY(auto q,
              reader_->query("SELECT m.envelope, c.headers, c.body_file, c.body_size, c.body, m.frozen FROM messages m"
                             " LEFT JOIN content c ON c.key = m.content WHERE m.id = ?"));
    const int rc = q.text(id).step();
    if (rc == SQLITE_DONE) return missing();
    if (rc != SQLITE_ROW) return reader_->fail(fmt::format("loading message {}", id), rc);
    m.envelope.id = id;
    const auto bad = [&](const Error& e) {
      return remex::fail(fmt::format("message {} in {}: {}", id, db_path_, e.text));
    };
    if (auto s = decode_envelope(q.column(0), m.envelope); !s) return bad(s.error());
    if (auto s = decode_headers(q.column(1), m.headers); !s) return bad(s.error());
    if (q.column_int(5) == kDamaged) m.envelope.frozen = true;  // whole again, until somebody thaws it
    file = q.column(2);
    size = static_cast<std::uint64_t>(q.column_int(3));
    if (file.empty()) m.body = mail::Body::from_string(std::string(q.column(4)));
  }
  if (!file.empty()) {
    REMEX_TRY(m.body, FileBody::open(body_directory_, file, size));
  }
  return m;
}

Result<bool> SqliteStore::set_aside(const std::string& id) {
  REMEX_CHECK(writable());
  auto fresh = std::make_shared<bool>(false);
  const Status marked = writer_.submit(
      [id, fresh](Database& db) -> Applied {
        auto q = db.query("UPDATE messages SET frozen = ?1 WHERE id = ?2 AND frozen <> ?1");
        if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
        const int rc = q->integer(kDamaged).text(id).step();
        *fresh = rc == SQLITE_DONE && sqlite3_changes(db.raw()) > 0;
        return {rc == SQLITE_DONE ? SQLITE_OK : rc, {}};
      },
      {}, Writer::Wait::insist);
  if (marked) return *fresh;
  std::lock_guard lock(read_mutex_);
  return left_alone_.insert_or_assign(id, monotonic_now() + kRemembered).second;
}

void SqliteStore::leave_alone(const std::string& id, Millis time) {
  const Instant now = monotonic_now();
  std::lock_guard lock(read_mutex_);
  std::erase_if(left_alone_, [now](const auto& x) { return x.second <= now; });
  left_alone_[id] = now + time;
}

bool SqliteStore::unchanged(const StoredMessage& m) {
  if (claims_ && claims_->removal_pending(m.envelope.id)) return false;
  const std::string envelope = encode_envelope(m.envelope), headers = encode_headers(m.headers);
  std::lock_guard lock(read_mutex_);
  auto q = reader_->query(
      "SELECT m.envelope, c.headers FROM messages m LEFT JOIN content c ON c.key = m.content WHERE m.id = ?");
  return q && q->text(m.envelope.id).step() == SQLITE_ROW && q->column(0) == envelope && q->column(1) == headers;
}

Writer::Apply SqliteStore::outcome(const mail::Envelope& e, const mail::HeaderList* headers,
                                   std::int64_t next_attempt) {
  struct Job {
    mail::Envelope e;
    std::string envelope, headers, log;
  };
  auto job = std::make_shared<Job>();
  job->e.id = e.id, job->e.sender = e.sender, job->e.size = e.size, job->e.frozen = e.frozen,
  job->e.queue_name = e.queue_name;
  job->envelope = encode_envelope(e);
  if (headers != nullptr) job->headers = encode_headers(*headers);
  // Between two of thousands of transactions the lines wait for on_tick(): their row is written anew with each.
  constexpr std::size_t kLarge = 16 * 1024;
  if (job->envelope.size() < kLarge) job->log = take_log(e.id);
  return [job, with_headers = headers != nullptr, next_attempt](Database& db) -> Applied {
    Applied a = update_row(db, job->e, job->envelope, next_attempt);
    if (a.rc != SQLITE_OK || !a.status) return a;
    if (with_headers) {
      auto q = db.query("UPDATE content SET headers = ? WHERE key = (SELECT content FROM messages WHERE id = ?)");
      if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
      const int rc = q->blob(job->headers).text(job->e.id).step();
      if (rc != SQLITE_DONE) return {rc, {}};
    }
    a = append_log(db, job->e.id, job->log);
    if ((a.rc & 0xff) == SQLITE_CORRUPT) job->log.clear();  // the writer's next try goes without it
    return a;
  };
}

Status SqliteStore::update(const mail::Envelope& e, std::int64_t next_attempt) {
  REMEX_CHECK(writable());
  return writer_.submit(outcome(e, nullptr, next_attempt), {}, Writer::Wait::insist);
}

Status SqliteStore::replace(const StoredMessage& m, std::int64_t next_attempt) {
  REMEX_CHECK(writable());
  return writer_.submit(outcome(m.envelope, &m.headers, next_attempt), {}, Writer::Wait::insist);
}

Status SqliteStore::record_later(const StoredMessage& m, bool with_headers, std::int64_t next_attempt,
                                 std::function<void(bool)> done) {
  REMEX_CHECK(writable());
  writer_.post(Writer::About::outcome, outcome(m.envelope, with_headers ? &m.headers : nullptr, next_attempt),
               std::move(done));
  return {};
}

Status SqliteStore::remove(const std::string& id, bool wait_for_disk) {
  REMEX_CHECK(writable());
  take_log(id);
  const auto table = claim_table();
  struct Job {
    std::string file;
    std::optional<HeldFile> held;
    Parts parts;
  };
  auto job = std::make_shared<Job>();
  const auto apply = [id, job, directory = body_directory_](Database& db) {
    Applied a = remove_rows(db, id, job->parts, job->file);
    if ((a.rc & 0xff) == SQLITE_CORRUPT) job->parts.lessen();  // for the writer's next try
    // While the row still names it for everybody else, nobody can take it; with our lock, nobody can afterwards.
    if (!job->file.empty() && !job->held) job->held.emplace(directory + "/" + job->file);
    return a;
  };
  const auto done = [id, job, claims = table, pool = pool_, directory = body_directory_](bool committed) {
    // Only now: a file may be used again when the removal of the row that names it is on the disk.
    if (committed && job->held) {
      if (pool)
        pool->give(job->file, job->held->locked());
      else if (job->held->locked())
        ::unlink((directory + "/" + job->file).c_str());
    }
    job->held.reset();
    claims->removal_done(id);
  };
  table->removal_queued(id);
  try {
    if (wait_for_disk) return writer_.submit(apply, done, Writer::Wait::insist);
    writer_.post(Writer::About::removal, apply, done);
  } catch (...) {  // it did not get as far as the writer's queue
    table->removal_done(id);
    throw;
  }
  return {};
}

Status SqliteStore::await_removal(const std::string& id) {
  const auto table = claim_table();
  if (!table || !table->removal_pending(id)) return {};
  REMEX_CHECK(writer_.flush());
  if (!table->removal_pending(id)) return {};
  return remex::fail(ErrorKind::defer, fmt::format("the spool does not take the removal of message {}", id));
}

Result<std::unique_ptr<Claim>> SqliteStore::claim(const std::string& id) {
  REMEX_CHECK(writable());
  auto claim = std::make_unique<HeldClaim>(claims_, id);  // first: what was acquired must be given back by somebody
  REMEX_TRY(claim->held, claims_->acquire(id));
  if (!claim->held) return std::unique_ptr<Claim>();
  return std::unique_ptr<Claim>(std::move(claim));
}

Status SqliteStore::check() {
  std::lock_guard lock(read_mutex_);
  REMEX_TRY(auto q, reader_->query("PRAGMA integrity_check(10)"));
  std::string text;
  int rc = SQLITE_ROW;
  while ((rc = q.step()) == SQLITE_ROW) {
    if (q.column(0) == "ok") continue;
    text += fmt::format("{}{}", text.empty() ? "" : "; ", q.column(0));
  }
  if (rc != SQLITE_DONE) return reader_->fail("checking the spool", rc);
  if (!text.empty()) return remex::fail(fmt::format("the spool database {} is damaged: {}", db_path_, text));
  return {};
}

std::string SqliteStore::take_log(const std::string& id) {
  std::lock_guard lock(overlay_mutex_);
  const auto it = logs_.find(id);
  if (it == logs_.end()) return {};
  std::string text = std::move(it->second);
  logs_.erase(it);
  return text;
}

void SqliteStore::message_log(const std::string& id, std::string_view line) {
  if (!claims_) return;
  constexpr std::size_t kLogMax = 64 * 1024, kLogsMax = 4096;
  bool flush = false;
  {
    std::lock_guard lock(overlay_mutex_);
    auto& text = logs_[id];
    if (text.size() + line.size() > kLogMax) return;
    text += line;
    if (!line.ends_with('\n')) text += '\n';
    flush = logs_.size() > kLogsMax;
  }
  if (flush) post_logs();
  writer_.request_tick();
}

void SqliteStore::post_logs() {
  auto logs = std::make_shared<std::map<std::string, std::string>>();
  {
    std::lock_guard lock(overlay_mutex_);
    logs->swap(logs_);
  }
  if (logs->empty()) return;
  writer_.post(Writer::About::hint, [logs](Database& db) {
    Applied a;
    for (auto& [id, text] : *logs) {
      a = append_log(db, id, text);
      if (a.rc == SQLITE_OK) continue;
      if ((a.rc & 0xff) == SQLITE_CORRUPT) text.clear();  // the writer's next try goes without it
      break;
    }
    return a;
  });
}

Result<std::string> SqliteStore::read_message_log(const std::string& id) {
  std::string text;
  {
    std::lock_guard lock(read_mutex_);
    REMEX_TRY(auto q, reader_->query("SELECT text FROM message_log WHERE id = ?"));
    const int rc = q.text(id).step();
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
      return reader_->fail(fmt::format("reading the log of message {}", id), rc);
    if (rc == SQLITE_ROW) text = q.column(0);
  }
  std::lock_guard lock(overlay_mutex_);
  if (const auto it = logs_.find(id); it != logs_.end()) text += it->second;
  return text;
}

void SqliteStore::on_tick(Database& db) {
  post_logs();
  if (pool_) pool_->trim();
  if (std::exchange(scanned_, true)) return;
  remove_orphans(
      body_directory_,
      [&db](const std::string& name) {
        auto q = db.query("SELECT 1 FROM content WHERE body_file = ?");
        return !q || q->text(name).step() != SQLITE_DONE;  // in doubt it is known
      },
      pool_.get());
}

}  // namespace remex::store
