// The committing thread; see writer.h.
#include "core/store/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "core/io/fiber.h"

namespace remex::store {
namespace {

constexpr auto kLazyDelay = std::chrono::milliseconds(50);
constexpr auto kTick = std::chrono::milliseconds(1000);
constexpr std::size_t kBatchMax = 1024;    // operations in one transaction: bounds memory and the wait of the first
constexpr std::size_t kLazyMax = 512;      // so many lazy ones are committed without waiting for company
constexpr std::size_t kQueueMax = 100000;  // operations kept while the disk refuses; later hints are dropped by post()
constexpr std::size_t kDamagedMax = 1000;  // operations kept that met damaged pages; later hints are dropped
/// An operation that met a damaged page is tried again so often at once: it leaves out what it can do without.
constexpr int kFewerParts = 2;
constexpr auto kDamagedPause = std::chrono::seconds(60);
// Frames in the WAL before its content is copied into the database: 4 MiB. Copying happens after the waiters were
// answered; a larger WAL would make the pause longer, a smaller one copy the same hot pages more often.
constexpr int kCheckpointFrames = 1000;
// A server's log. The other thread copies the bulk; when so few frames are left they are copied here, between two
// commits, and the log begins anew. Beyond the last limit the writer does all by itself: a log that only grows would
// fill the disk.
constexpr int kServerFrames = 1500, kRestFrames = 120, kTooLongFrames = 12000;
constexpr std::int64_t kServerLogBytes = 16 << 20;
constexpr int kBusyMs = 10000;

int wal_hook(void* frames, sqlite3*, const char*, int n) {
  *static_cast<int*>(frames) = n;
  return SQLITE_OK;
}

bool fails_alone(int rc) {
  const int base = rc & 0xff;
  return base == SQLITE_CONSTRAINT || base == SQLITE_TOOBIG || base == SQLITE_MISMATCH;
}

}  // namespace

struct Writer::Op {
  Apply apply;
  Done done;
  bool lazy = false;
  About about = About::outcome;
  bool taken = false;     // guarded by mutex_
  bool finished = false;  // guarded by mutex_
  Status own;             // result of this operation alone
  Status result;
  io::Loop* loop = nullptr;  // of the waiting fiber
  std::shared_ptr<io::Event> event;
};

Writer::Writer(std::string path, bool server)
    : path_(std::move(path)), checkpointer_(server ? std::make_unique<Checkpointer>(path_) : nullptr) {}

Writer::~Writer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Writer::enqueue(OpPtr op) {
  {
    std::lock_guard lock(mutex_);
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
    const bool urgent = !op->lazy;
    queue_.push_back(std::move(op));
    if (urgent) ++urgent_;
  }
  wake_.notify_one();
}

Status Writer::submit(Apply apply, Done done, Wait wait) {
  auto op = std::make_shared<Op>();
  op->apply = std::move(apply);
  op->done = std::move(done);
  if (io::in_fiber()) {
    op->loop = &io::Loop::current();
    op->event = std::make_shared<io::Event>();
  }
  enqueue(op);
  return await(op, wait);
}

Status Writer::await(const OpPtr& op, Wait how) {
  Status wait;
  if (op->event && how == Wait::insist)
    op->event->wait_firm();
  else if (op->event)
    wait = op->event->wait();
  std::unique_lock lock(mutex_);
  if (!wait && !op->taken) {  // cancelled or out of time while still queued: nothing will happen
    std::erase(queue_, op);
    --urgent_;
    return std::unexpected(wait.error());
  }
  // Outside a fiber, or cancelled in mid-commit: the answer is milliseconds away and must be the true one.
  finished_.wait(lock, [&] { return op->finished; });
  return op->result;
}

void Writer::post(About about, Apply apply, Done done) {
  auto op = std::make_shared<Op>();
  op->apply = std::move(apply);
  op->done = std::move(done);
  op->lazy = true;
  op->about = about;
  bool full = false;
  if (about == About::hint) {
    std::lock_guard lock(mutex_);
    full = queue_.size() >= kQueueMax;
  }
  if (full) {
    if (op->done) op->done(false);
    return;
  }
  enqueue(std::move(op));
}

Status Writer::flush() {
  return submit([](Database&) { return Applied{}; });
}

Result<Database*> Writer::connection() {
  if (db_ && db_->moved()) {
    db_.reset();
    wal_frames_ = 0;
  }
  // After a failed sync or read the page cache is not to be trusted: a fresh connection reads the log again.
  if (db_ && db_->doubtful()) db_.reset();
  if (db_) return db_.get();
  REMEX_TRY(auto db, Database::open(path_, SQLITE_OPEN_READWRITE, kBusyMs));
  REMEX_CHECK(set_pragmas(*db, true));
  sqlite3_wal_hook(db->raw(), wal_hook, &wal_frames_);
  if (checkpointer_) (void)preallocate_log(*db, kServerLogBytes);  // without it commits are slower, no more
  db_ = std::move(db);
  reserved_pages_ = 0;
  return db_.get();
}

void Writer::request_tick() {
  {
    std::lock_guard lock(mutex_);
    if (tick_wanted_) return;
    tick_wanted_ = true;
    if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
  }
  wake_.notify_one();
}

std::vector<Writer::OpPtr> Writer::take_batch(std::chrono::steady_clock::time_point next_tick) {
  std::unique_lock lock(mutex_);
  const auto any = [&] { return stopping_ || !queue_.empty(); };
  if (!any()) {
    const auto woken = [&] { return any() || tick_wanted_; };
    if (damaged_.empty())
      wake_.wait(lock, woken);
    else if (!wake_.wait_until(lock, damaged_again_, woken))
      return {};
    if (!any() && !wake_.wait_until(lock, next_tick, any)) return {};
  }
  const auto ready = [&] { return stopping_ || urgent_ > 0 || (queue_.size() >= kLazyMax && !failing_); };
  wake_.wait_for(lock, failing_ ? kTick : kLazyDelay, ready);
  std::vector<OpPtr> batch;
  const std::size_t n = std::min(queue_.size(), kBatchMax);
  batch.assign(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
  queue_.erase(queue_.begin(), queue_.begin() + static_cast<std::ptrdiff_t>(n));
  for (auto& op : batch) {
    op->taken = true;
    if (!op->lazy) --urgent_;
  }
  return batch;
}

void Writer::tick() {
  {
    std::lock_guard lock(mutex_);
    tick_wanted_ = false;
  }
  auto db = connection();
  if (!db) return;
  if (tick_) tick_(**db);
  checkpoint(true);
}

void Writer::run() {
  auto next_tick = std::chrono::steady_clock::now() + kTick;
  while (true) {
    auto batch = take_batch(next_tick);
    retry_damaged();
    if (!batch.empty()) {
      commit_batch(batch);
      checkpoint(false);
    }
    {
      std::lock_guard lock(mutex_);
      if (stopping_ && (queue_.empty() || (failing_ && urgent_ == 0))) break;
      if (!batch.empty()) tick_wanted_ = true;
    }
    if (const auto now = std::chrono::steady_clock::now(); now >= next_tick) {
      tick();
      next_tick = now + kTick;
    }
  }
  // The log stays as long as it is: SQLite would cut it to nothing when the last connection closes.
  if (db_ && checkpointer_) db_->exec("PRAGMA journal_size_limit=-1");
  db_.reset();
}

Status Writer::try_commit(std::vector<OpPtr>& batch) {
  REMEX_TRY(Database * db, connection());
  int rc = db->exec("BEGIN IMMEDIATE");
  if (rc != SQLITE_OK) return db->fail("starting a spool transaction", rc);
  if (db->moved()) {  // while the lock was waited for: what is committed here would be found by nobody
    db->exec("ROLLBACK");
    return remex::fail(ErrorKind::defer, fmt::format("the spool database {} was replaced at this moment", path_));
  }
  for (auto& op : batch) {
    Applied a = op->apply(*db);
    op->own = std::move(a.status);
    if (a.rc != SQLITE_OK && !fails_alone(a.rc)) {
      Error e = db->error("writing to the spool", a.rc);
      db->exec("ROLLBACK");
      return std::unexpected(std::move(e));
    }
  }
  if (Status room = reserve(*db); !room) {
    db->exec("ROLLBACK");
    return room;
  }
  rc = db->exec("COMMIT");
  if (rc != SQLITE_OK) {
    Error e = db->error("committing to the spool", rc);
    db->exec("ROLLBACK");
    return std::unexpected(std::move(e));
  }
  return {};
}

Status Writer::reserve(Database& db) {
  // The database file gets its room before the commit, so that copying the WAL into it can never fail for space: a full
  // disk then always leaves the way open for removals, which write over recycled WAL pages.
  std::int64_t pages = 0;
  {
    REMEX_TRY(auto q, db.query("PRAGMA page_count"));
    if (const int rc = q.step(); rc != SQLITE_ROW) return db.fail("writing to the spool", rc);
    pages = q.column_int(0);
  }
  if (pages <= reserved_pages_) return {};
  std::int64_t bytes = pages * 4096;
  if (const int rc = sqlite3_file_control(db.raw(), "main", SQLITE_FCNTL_SIZE_HINT, &bytes); rc != SQLITE_OK) {
    Error e = db.error("growing the spool", SQLITE_FULL);
    return std::unexpected(std::move(e));
  }
  reserved_pages_ = pages;
  return {};
}

void Writer::commit_batch(std::vector<OpPtr>& batch) {
  const Status outcome = try_commit(batch);
  const bool full = !outcome && (outcome.error().sys_errno == ENOSPC || outcome.error().sys_errno == EDQUOT);
  const bool damaged = !outcome && outcome.error().kind == ErrorKind::failed;
  std::vector<OpPtr> again;
  if (damaged) {  // one of them meets a damaged page: the others shall not suffer from it
    commit_alone(batch, again);
  } else if (full) {
    // Empty the WAL, then removals and hints (they give room back), then what people wait for and what is kept for
    // them, one by one.
    checkpoint(true);
    std::vector<OpPtr> lazy, rest;
    for (auto& op : batch) (op->lazy && op->about != About::outcome ? lazy : rest).push_back(op);
    if (!lazy.empty()) finish(lazy, try_commit(lazy), again);
    commit_alone(rest, again);
  } else {
    finish(batch, outcome, again);
  }
  requeue(again);
}

void Writer::commit_alone(const std::vector<OpPtr>& ops, std::vector<OpPtr>& again) {
  for (const OpPtr& op : ops) {
    std::vector<OpPtr> one{op};
    Status outcome = try_commit(one);
    for (int i = 0; i < kFewerParts && !outcome && outcome.error().kind == ErrorKind::failed; ++i)
      outcome = try_commit(one);
    const bool set_aside = !outcome && outcome.error().kind == ErrorKind::failed && op->lazy;
    if (!set_aside) {
      finish(one, outcome, again);
    } else if (op->about == About::hint && damaged_.size() >= kDamagedMax) {
      if (op->done) op->done(false);
    } else {
      if (damaged_.empty()) damaged_again_ = std::chrono::steady_clock::now() + kDamagedPause;
      damaged_.push_back(op);
    }
  }
}

void Writer::retry_damaged() {
  if (damaged_.empty() || std::chrono::steady_clock::now() < damaged_again_) return;
  const auto ops = std::exchange(damaged_, {});
  std::vector<OpPtr> again;
  commit_alone(ops, again);
  requeue(again);
}

void Writer::requeue(std::vector<OpPtr>& again) {
  failing_ = !again.empty();
  std::lock_guard lock(mutex_);
  for (auto& op : again) op->taken = false;
  queue_.insert(queue_.begin(), again.begin(), again.end());
}

void Writer::finish(std::vector<OpPtr>& batch, const Status& outcome, std::vector<OpPtr>& again) {
  std::vector<std::pair<io::Loop*, std::vector<std::shared_ptr<io::Event>>>> wake_list;
  for (auto& op : batch) {
    if (op->lazy && !outcome) {
      again.push_back(op);
      continue;
    }
    if (op->done) op->done(outcome.has_value() && op->own.has_value());
  }
  {
    std::lock_guard lock(mutex_);
    for (auto& op : batch) {
      if (op->lazy && !outcome) continue;
      op->result = outcome ? op->own : outcome;
      op->finished = true;
      op->apply = nullptr;  // what it holds (bodies) goes now, not with the last reference
      if (!op->event) continue;
      auto it = std::find_if(wake_list.begin(), wake_list.end(), [&](auto& w) { return w.first == op->loop; });
      if (it == wake_list.end()) it = wake_list.insert(wake_list.end(), {op->loop, {}});
      it->second.push_back(op->event);
    }
  }
  finished_.notify_all();
  for (auto& [loop, events] : wake_list) {
    io::post(*loop, [events = std::move(events)] {
      for (const auto& e : events) e->set();
    });
  }
}

bool Writer::left_to_checkpointer() {
  if (!checkpointer_ || wal_frames_ >= kTooLongFrames) return false;
  if (checkpointer_->busy()) return true;
  if (wal_frames_ - checkpointer_->copied() <= kRestFrames) return false;
  // A reader may hold it up: it is not asked again before there is something new to copy.
  if (wal_frames_ < ask_at_frames_) return true;
  ask_at_frames_ = wal_frames_ + kRestFrames;
  checkpointer_->request();
  return true;
}

void Writer::checkpoint(bool idle) {
  if (!db_ || wal_frames_ == 0) return;
  if (!idle && (wal_frames_ < (checkpointer_ ? kServerFrames : kCheckpointFrames) || left_to_checkpointer())) return;
  int in_log = 0, copied = 0;
  const int rc = sqlite3_wal_checkpoint_v2(db_->raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied);
  // Everything copied: the next commit starts the WAL from its beginning. A reader in the way: try again after the next
  // batch.
  if (rc != SQLITE_OK || in_log != copied) return;
  wal_frames_ = ask_at_frames_ = 0;
  if (checkpointer_ && !checkpointer_->busy()) checkpointer_->restarted();
}

}  // namespace remex::store
