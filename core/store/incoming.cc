// Messages on their way into the SqliteStore: insert and import; see store.h.
#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "core/base/clock.h"
#include "core/store/bodies.h"
#include "core/store/codec.h"
#include "core/store/sqlite_store.h"

namespace remex::store {
namespace {

constexpr std::int64_t kRememberImports = std::int64_t{3653} * 86400;  ///< seconds

/// A body the database or our directory can keep: one in a foreign file is copied.
Result<std::shared_ptr<const mail::Body>> own_body(const std::string& directory, std::uint64_t memory_max,
                                                   const std::shared_ptr<const mail::Body>& body,
                                                   const std::shared_ptr<BodyPool>& pool) {
  if (!body) return mail::Body::from_string({});
  const auto* file = dynamic_cast<const FileBody*>(body.get());
  if (file != nullptr && file->directory() == directory) return body;
  if (body->in_memory() != nullptr && body->size() <= memory_max) return body;
  auto w = new_body_writer(directory, memory_max, pool);
  REMEX_CHECK(body->for_each([&](std::string_view piece) { return w->write(piece); }));
  return w->finish();
}

}  // namespace

/// Everything of one insert, encoded on the calling thread so that the writer only binds.
struct SqliteStore::NewRow {
  Applied insert(Database& db) const;

  mail::Envelope e;  // without the parts that only the blob needs
  std::string envelope, headers, file;
  std::shared_ptr<const mail::Body> body;
  /// The rows are on the disk: the file stays.
  void keep_body() const {
    if (const auto* f = dynamic_cast<const FileBody*>(body.get()); f != nullptr) f->keep();
  }
};

Applied SqliteStore::NewRow::insert(Database& db) const {
  std::int64_t key = 0;
  {
    auto q = db.query("INSERT INTO content (body_file, body_size, headers, body) VALUES (?, ?, ?, ?)");
    if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
    file.empty() ? q->null() : q->text(file);
    q->integer(static_cast<std::int64_t>(body->size())).blob(headers);
    file.empty() ? q->blob(*body->in_memory()) : q->null();
    const int rc = q->step();
    if (rc != SQLITE_DONE) return {rc, {}};
    key = sqlite3_last_insert_rowid(db.raw());
  }
  auto q = db.query(
      "INSERT INTO messages (id, sender, size, received, frozen, next_attempt, queue, content, envelope)"
      " VALUES (?, ?, ?, ?, ?, 0, ?, ?, ?)");
  if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
  const auto received = std::chrono::duration_cast<std::chrono::seconds>(e.received.time_since_epoch()).count();
  q->text(e.id).text(e.sender).integer(static_cast<std::int64_t>(e.size)).integer(received).integer(e.frozen ? 1 : 0);
  const int rc = q->text(e.queue_name).integer(key).blob(envelope).step();
  if (rc == SQLITE_DONE) return {};
  Applied failed{rc, std::unexpected(db.error("storing a message", rc))};
  if ((rc & 0xff) == SQLITE_CONSTRAINT) {  // the id exists: undo our half, the rest of the batch goes on
    auto undo = db.query("DELETE FROM content WHERE key = ?");
    if (undo) undo->integer(key).step();
  }
  return failed;
}

Result<std::shared_ptr<SqliteStore::NewRow>> SqliteStore::new_row(const StoredMessage& m) {
  REMEX_CHECK(writable());
  REMEX_CHECK(follow_spool());
  auto row = std::make_shared<NewRow>();
  REMEX_TRY(row->body, own_body(body_directory_, opt_.body_in_database_max, m.body, pool_));
  if (const auto* f = dynamic_cast<const FileBody*>(row->body.get())) row->file = f->name();
  row->envelope = encode_envelope(m.envelope);
  row->headers = encode_headers(m.headers);
  row->e.id = m.envelope.id, row->e.sender = m.envelope.sender, row->e.size = m.envelope.size;
  row->e.received = m.envelope.received, row->e.frozen = m.envelope.frozen, row->e.queue_name = m.envelope.queue_name;
  return row;
}

Status SqliteStore::insert(const StoredMessage& m) {
  REMEX_TRY(const auto row, new_row(m));
  return writer_.submit([row](Database& db) { return row->insert(db); },
                        [row](bool committed) {
                          if (committed) row->keep_body();
                        });
}

Result<bool> SqliteStore::import(const StoredMessage& m, const std::string& mark) {
  REMEX_TRY(const auto row, new_row(m));
  auto before = std::make_shared<bool>(false);
  const auto apply = [row, mark, before](Database& db) -> Applied {
    *before = false;  // a batch that failed is applied again
    {
      auto q = db.query("SELECT value FROM hints WHERE tab = 'imported' AND key = ?");
      if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
      const int rc = q->text(row->e.id).step();
      if (rc != SQLITE_ROW && rc != SQLITE_DONE) return {rc, {}};
      if (rc == SQLITE_ROW) {
        *before = q->column(0) == mark;
        if (*before) return {};
        return {SQLITE_OK, remex::fail(fmt::format("another message with the id {} was imported before", row->e.id))};
      }
    }
    if (Applied a = row->insert(db); a.rc != SQLITE_OK) {
      if ((a.rc & 0xff) == SQLITE_CONSTRAINT)
        a.status = remex::fail(fmt::format("a message with the id {} is in the queue", row->e.id));
      return a;
    }
    auto q = db.query("INSERT INTO hints (tab, key, value, at) VALUES ('imported', ?, ?, ?)");
    if (!q) return {SQLITE_ERROR, std::unexpected(q.error())};
    const int rc = q->text(row->e.id).blob(mark).integer(wall_seconds() + kRememberImports).step();
    return {rc == SQLITE_DONE ? SQLITE_OK : rc, {}};
  };
  REMEX_CHECK(writer_.submit(apply, [row, before](bool committed) {
    if (committed && !*before) row->keep_body();
  }));
  return !*before;
}

}  // namespace remex::store
