// What is in the SqliteStore: listings, walks, due messages, also around damaged pages; see sqlite_store.h.
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <tuple>
#include <unordered_set>
#include <utility>

#include "core/store/codec.h"
#include "core/store/salvage.h"
#include "core/store/sqlite_store.h"

namespace remex::store {
namespace {

/// One line of a listing; the columns are id, sender, size, received, frozen, next_attempt, queue, envelope.
QueueEntry entry_of(const Query& q, bool with_recipients) {
  QueueEntry x;
  x.id = q.column(0);
  x.sender = q.column(1);
  x.size = static_cast<std::uint64_t>(q.column_int(2));
  x.received = q.column_int(3);
  x.frozen = q.column_int(4) != 0;
  x.damaged = q.column_int(4) == kDamaged;
  x.next_attempt = q.column_int(5);
  x.queue_name = q.column(6);
  mail::Envelope e;
  if (!with_recipients || !decode_envelope(q.column(7), e)) return x;
  if (e.from.host_address.empty()) x.login = e.login;
  for (auto& r : e.recipients) x.recipients.push_back({std::move(r.address), r.done});
  std::unordered_set<std::string_view> known;
  if (!e.non_recipients.empty())
    for (const auto& r : x.recipients) known.insert(r.address);
  for (auto& a : e.non_recipients)
    if (!known.contains(a)) x.children.push_back(std::move(a));
  return x;
}

}  // namespace

Result<std::vector<QueueEntry>> SqliteStore::list(bool with_recipients, const Wanted& wanted) {
  std::vector<QueueEntry> out;
  std::lock_guard lock(read_mutex_);
  int rc = SQLITE_ROW;
  {
    REMEX_TRY(
        auto q,
        reader_->query(
            "SELECT id, sender, size, received, frozen, next_attempt, queue, envelope FROM messages ORDER BY id"));
    while ((rc = q.step()) == SQLITE_ROW)
      if (QueueEntry x = entry_of(q, with_recipients); !(claims_ && claims_->removal_pending(x.id)))
        if (!wanted || wanted(x)) out.push_back(std::move(x));
  }
  if (rc == SQLITE_DONE) return out;
  if ((rc & 0xff) != SQLITE_CORRUPT) return reader_->fail("listing the queue", rc);
  note_damage(rc);
  return list_around_damage(with_recipients, wanted);
}

/// A damaged page is in the way: message by message.
std::vector<QueueEntry> SqliteStore::list_around_damage(bool with_recipients, const Wanted& wanted) {
  std::vector<QueueEntry> out;
  for (const std::string& id : salvage_ids(*reader_)) {
    if (claims_ && claims_->removal_pending(id)) continue;
    auto q = reader_->query(
        "SELECT id, sender, size, received, frozen, next_attempt, queue, envelope FROM messages WHERE id = ?");
    if (!q || q->text(id).step() != SQLITE_ROW) continue;
    if (QueueEntry x = entry_of(*q, with_recipients); !wanted || wanted(x)) out.push_back(std::move(x));
  }
  return out;
}

void SqliteStore::note_damage(int rc) {
  const Instant now = monotonic_now();
  if (damage_told_ && now < *damage_told_ + kRemembered) return;
  damage_told_ = now;
  damage_ = fmt::format("{}: messages on damaged pages are passed over",
                        reader_->error("looking through the queue", rc).text);
}

std::string SqliteStore::take_damage() {
  std::lock_guard lock(read_mutex_);
  return std::exchange(damage_, {});
}

Result<std::int64_t> SqliteStore::count() {
  std::lock_guard lock(read_mutex_);
  REMEX_TRY(auto q, reader_->query("SELECT count(*) FROM messages"));
  const int rc = q.step();
  if (rc != SQLITE_ROW) return reader_->fail("counting the queue", rc);
  return q.column_int(0);
}

bool SqliteStore::busy(const std::string& id) const {
  if (const auto it = left_alone_.find(id); it != left_alone_.end() && it->second > monotonic_now()) return true;
  return claims_ && (claims_->busy_here(id) || claims_->busy_elsewhere(id));
}

Result<std::vector<std::string>> SqliteStore::ids(std::size_t n, bool include_frozen, const std::string& queue_name,
                                                  Walk& walk) {
  REMEX_CHECK(follow_spool());
  std::vector<std::string> out;
  std::lock_guard lock(read_mutex_);
  if (!std::exchange(walk.begun, true)) {
    REMEX_TRY(auto q, reader_->query("SELECT max(id) FROM messages"));
    const int rc = q.step();
    if (rc != SQLITE_ROW && (rc & 0xff) != SQLITE_CORRUPT) return reader_->fail("walking through the queue", rc);
    walk.last = rc == SQLITE_ROW ? std::string(q.column(0)) : "z";  // behind every id
  }
  REMEX_TRY(auto q, reader_->query("SELECT id FROM messages WHERE id > ?1 AND id <= ?2 AND queue = ?3 AND"
                                   " frozen <= ?4 ORDER BY id"));
  const std::string behind = walk.id;
  q.text(behind).text(walk.last).text(queue_name).integer(include_frozen ? 1 : 0);
  int rc = SQLITE_DONE;
  while (out.size() < n && (rc = q.step()) == SQLITE_ROW) {
    walk.id = q.column(0);
    if (!busy(walk.id)) out.push_back(walk.id);
  }
  if ((rc & 0xff) == SQLITE_CORRUPT) {
    note_damage(rc);
    for (const std::string& id : salvage_ids(*reader_)) {
      if (id <= walk.id || id > walk.last || out.size() >= n) continue;
      walk.id = id;
      if (is_walked(id, include_frozen, queue_name) && !busy(id)) out.push_back(id);
    }
    return out;
  }
  if (rc != SQLITE_DONE && rc != SQLITE_ROW) return reader_->fail("walking through the queue", rc);
  return out;
}

bool SqliteStore::is_walked(const std::string& id, bool include_frozen, const std::string& queue_name) {
  auto q = reader_->query("SELECT 1 FROM messages WHERE id = ?1 AND queue = ?2 AND frozen <= ?3");
  const int rc = q ? q->text(id).text(queue_name).integer(include_frozen ? 1 : 0).step() : SQLITE_ERROR;
  return rc == SQLITE_ROW;
}

Result<std::vector<std::string>> SqliteStore::due(std::int64_t now, std::size_t n, Frozen frozen,
                                                  const std::string& queue_name, bool retries_only, DuePlace* place) {
  REMEX_CHECK(follow_spool());
  DuePlace here = place != nullptr ? *place : DuePlace();
  if (!std::exchange(here.begun, true)) here.next_attempt = retries_only ? 1 : std::numeric_limits<std::int64_t>::min();
  std::vector<std::string> out;
  std::lock_guard lock(read_mutex_);
  const auto take = [&](const Query& q) {
    here.id = q.column(0);
    here.next_attempt = q.column_int(1);
    if (!busy(here.id)) out.push_back(here.id);
  };
  int rc = SQLITE_DONE;
  if (!here.frozen) {
    REMEX_TRY(auto q, reader_->query("SELECT id, next_attempt FROM messages WHERE frozen = 0 AND next_attempt <= ?1 AND"
                                     " queue = ?2 AND (next_attempt, id) > (?3, ?4) ORDER BY next_attempt, id"));
    const std::string behind = here.id;
    q.integer(now).text(queue_name).integer(here.next_attempt).text(behind);
    while (out.size() < n && (rc = q.step()) == SQLITE_ROW) take(q);
    if (rc == SQLITE_DONE && out.size() < n && frozen.any()) here = {.begun = true, .frozen = true};
  }
  if (here.frozen && out.size() < n) {
    REMEX_TRY(auto q, reader_->query(
                          "SELECT id, next_attempt FROM messages WHERE frozen <> 0 AND frozen <> 2 AND queue = ?1"
                          " AND id > ?2 AND (?3 OR received <= ?4 OR (sender = '' AND received <= ?5)) ORDER BY id"));
    const std::string behind = here.id;
    q.text(queue_name).text(behind).integer(frozen.all ? 1 : 0).integer(frozen.came).integer(frozen.bounces_came);
    while (out.size() < n && (rc = q.step()) == SQLITE_ROW) take(q);
  }
  if ((rc & 0xff) == SQLITE_CORRUPT) {
    note_damage(rc);
    out = due_around_damage(now, n, frozen, queue_name, here);
  } else if (rc != SQLITE_DONE && rc != SQLITE_ROW) {
    return reader_->fail("looking for due messages", rc);
  }
  if (place != nullptr) *place = std::move(here);
  return out;
}

/// As due() behind `here`, message by message.
std::vector<std::string> SqliteStore::due_around_damage(std::int64_t now, std::size_t n, Frozen frozen,
                                                        const std::string& queue_name, DuePlace& here) {
  std::vector<std::tuple<bool, std::int64_t, std::string>> found;  // frozen ones last, in the order of their ids
  for (const std::string& id : salvage_ids(*reader_)) {
    auto q =
        reader_->query("SELECT frozen, next_attempt, received, sender = '' FROM messages WHERE id = ?1 AND queue = ?2");
    if (!q || q->text(id).text(queue_name).step() != SQLITE_ROW || q->column_int(0) == kDamaged) continue;
    const std::int64_t next = q->column_int(1), came = q->column_int(2);
    if (q->column_int(0) == 0 && next <= now)
      found.emplace_back(false, next, id);
    else if (q->column_int(0) != 0 &&
             (frozen.all || came <= frozen.came || (q->column_int(3) != 0 && came <= frozen.bounces_came)))
      found.emplace_back(true, 0, id);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> out;
  for (auto& [is_frozen, next, id] : found) {
    if (std::tuple(is_frozen, next, id) <= std::tuple(here.frozen, here.frozen ? 0 : here.next_attempt, here.id))
      continue;
    if (out.size() >= n) break;
    here = {.next_attempt = next, .id = id, .begun = true, .frozen = is_frozen};
    if (!busy(id)) out.push_back(id);
  }
  return out;
}

}  // namespace remex::store
