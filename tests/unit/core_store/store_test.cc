// The store as one process sees it: round trips, listing, due order, claims, bodies.
#include "core/store/store.h"

#include <unistd.h>

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <fstream>

#include "core/io/fiber.h"
#include "core/store/sqlite.h"
#include "tests/unit/core_store/store_fixture.h"

using namespace remex;
using namespace remex::store;
using remex::store::testing::sample;
using remex::store::testing::Spool;

BOOST_AUTO_TEST_SUITE(store_test)

BOOST_AUTO_TEST_CASE(message_round_trip) {
  Spool spool;
  StoredMessage m = sample(10000, 3);
  m.envelope.recipients[1].done = true;
  m.envelope.recipients[2].orcpt = "rfc822;a+40b";
  m.envelope.recipients[2].parent = 0;
  m.envelope.non_recipients = {"child@example.net"};
  m.envelope.acl_m["m_foo"] = Text::tainted("line\nbreak\0nul");
  m.envelope.acl_c["c0"] = Text("q", Taint::tainted, 3);
  m.envelope.saved["dkim"] = "pass";
  m.envelope.caller_uid = -1;
  m.envelope.from.tls_bits = 256;
  m.envelope.frozen_at = 1234567890;
  auto st = spool.open().value();
  BOOST_REQUIRE(st->insert(m));
  st.reset();
  st = spool.open().value();
  auto got = st->load(m.envelope.id);
  BOOST_REQUIRE(got);
  const mail::Envelope& e = got->envelope;
  BOOST_TEST(e.id == m.envelope.id);
  BOOST_TEST(e.sender == "sender@example.org");
  BOOST_REQUIRE_EQUAL(e.recipients.size(), 3U);
  BOOST_TEST(e.recipients[1].done);
  BOOST_TEST(!e.recipients[0].done);
  BOOST_TEST(e.recipients[2].orcpt == "rfc822;a+40b");
  BOOST_TEST(e.recipients[2].parent == 0);
  BOOST_TEST(e.recipients[0].parent == -1);
  BOOST_TEST(e.non_recipients == m.envelope.non_recipients);
  BOOST_TEST(e.acl_m.at("m_foo").is_tainted());
  BOOST_TEST(e.acl_m.at("m_foo").str() == m.envelope.acl_m.at("m_foo").str());
  BOOST_TEST(static_cast<int>(e.acl_c.at("c0").quoter()) == 3);
  BOOST_TEST(e.saved.at("dkim") == "pass");
  BOOST_TEST(e.caller_uid == -1);
  BOOST_TEST(e.from.tls_bits == 256);
  BOOST_TEST(e.frozen_at == 1234567890);
  BOOST_TEST((e.received == m.envelope.received));
  BOOST_TEST(got->headers.raw() == m.headers.raw());
  BOOST_TEST(got->headers.all()[0].type == 'P');
  BOOST_TEST(got->body->size() == 10000U);
  BOOST_TEST(got->body->read(0, 10000).value() == std::string(10000, 'x'));
}

BOOST_AUTO_TEST_CASE(a_list_of_what_is_wanted) {
  Spool spool;
  auto st = spool.open().value();
  std::vector<std::string> ids;
  for (const char* login : {"one", "", "two", "one"}) {
    StoredMessage m = sample(100, 3);
    m.envelope.login = login;
    m.envelope.from.host_address.clear();
    BOOST_REQUIRE(st->insert(m));
    ids.push_back(m.envelope.id);
  }
  int seen = 0;
  const auto his = st->list(true, [&seen](const QueueEntry& e) {
                       ++seen;
                       return e.login == "one" && e.recipients.size() == 3;
                     }).value();
  BOOST_TEST(seen == 4);
  BOOST_REQUIRE_EQUAL(his.size(), 2U);
  BOOST_TEST((his[0].id == ids[0] && his[1].id == ids[3]));
  BOOST_TEST(st->list(false, nullptr).value().size() == 4U);
}

BOOST_AUTO_TEST_CASE(update_replace_remove) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(100, 2);
  BOOST_REQUIRE(st->insert(m));
  m.envelope.recipients[0].done = true;
  m.envelope.frozen = true;
  BOOST_REQUIRE(st->update(m.envelope, 777));
  auto q = st->list(true).value();
  BOOST_REQUIRE_EQUAL(q.size(), 1U);
  BOOST_TEST(q[0].frozen);
  BOOST_TEST(q[0].next_attempt == 777);
  BOOST_REQUIRE_EQUAL(q[0].recipients.size(), 2U);
  BOOST_TEST((q[0].recipients[0].done && q[0].recipients[0].address == "user0@example.org"));
  BOOST_TEST((!q[0].recipients[1].done && q[0].recipients[1].address == "user1@example.org"));
  BOOST_TEST(q[0].children.empty());
  m.envelope.sender = "other@example.org";
  m.headers.all().push_back({' ', "X-Added: 1\n"});
  BOOST_REQUIRE(st->replace(m, 0));
  BOOST_TEST(st->load(m.envelope.id).value().headers.raw().ends_with("X-Added: 1\n"));
  BOOST_TEST(st->list(false).value()[0].sender == "other@example.org");
  BOOST_REQUIRE(st->remove(m.envelope.id, true));
  BOOST_TEST(st->count().value() == 0);
  BOOST_TEST((st->load(m.envelope.id).error().kind == ErrorKind::not_found));
  BOOST_TEST((st->update(m.envelope, 0).error().kind == ErrorKind::not_found));
  BOOST_TEST((st->remove(m.envelope.id, true).error().kind == ErrorKind::not_found));
}

BOOST_AUTO_TEST_CASE(same_id_twice_is_refused_and_harms_nothing) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(100);
  BOOST_REQUIRE(st->insert(m));
  BOOST_TEST(!st->insert(m).has_value());
  BOOST_TEST(st->count().value() == 1);
  BOOST_TEST(st->check().has_value());
  BOOST_TEST(st->insert(sample(100)).has_value());
}

BOOST_AUTO_TEST_CASE(due_messages_and_walks_come_in_pieces) {
  Spool spool;
  auto st = spool.open().value();
  using Ids = std::vector<std::string>;
  Ids all, waiting;
  for (int i = 0; i < 7; ++i) {
    StoredMessage m = sample(10);
    m.envelope.frozen = i == 2 || i == 5;
    BOOST_REQUIRE(st->insert(m));
    all.push_back(m.envelope.id);
    if (!m.envelope.frozen) waiting.push_back(m.envelope.id);
    if (i == 6) BOOST_REQUIRE(st->update(m.envelope, 50));
  }
  const auto due = [&](bool frozen, bool retries, std::int64_t now) {
    Store::DuePlace place;
    Ids out;
    while (true) {
      const Ids piece = st->due(now, 2, frozen, "", retries, &place).value();
      out.insert(out.end(), piece.begin(), piece.end());
      if (piece.size() < 2) return out;
    }
  };
  BOOST_TEST(due(false, false, 50) == waiting);
  BOOST_TEST(due(false, false, 49) == Ids(waiting.begin(), waiting.end() - 1));
  BOOST_TEST(due(false, true, 50) == Ids{all[6]});
  Ids frozen_last = waiting;
  frozen_last.insert(frozen_last.end(), {all[2], all[5]});
  BOOST_TEST(due(true, false, 50) == frozen_last);

  Store::Walk walk;
  Ids seen = st->ids(3, true, "", walk).value();
  BOOST_TEST(seen == Ids(all.begin(), all.begin() + 3));
  // What comes during the walk is not part of it, and neither is what an attempt gives another time.
  BOOST_REQUIRE(st->insert(sample(10)));
  auto m = st->load(all[0]).value();
  BOOST_REQUIRE(st->update(m.envelope, 1000));
  auto claim = st->claim(all[4]).value();
  for (Ids piece; !(piece = st->ids(2, true, "", walk).value()).empty();)
    seen.insert(seen.end(), piece.begin(), piece.end());
  BOOST_TEST(seen == (Ids{all[0], all[1], all[2], all[3], all[5], all[6]}));
  Store::Walk unfrozen;
  claim.reset();
  BOOST_TEST(st->ids(5, false, "", unfrozen).value() == waiting);
  Store::Walk other;
  BOOST_TEST(st->ids(5, true, "slow", other).value().empty());
}

BOOST_AUTO_TEST_CASE(imported_messages_are_taken_once) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(300000);
  BOOST_TEST(st->import(m, "first").value());
  BOOST_TEST(!st->import(m, "first").value());
  BOOST_TEST(st->count().value() == 1);
  const auto other = st->import(m, "second");
  BOOST_REQUIRE(!other);
  BOOST_TEST(other.error().text.find("was imported before") != std::string::npos);
  // Delivered and gone: still not taken again, also by another process.
  BOOST_REQUIRE(st->remove(m.envelope.id, true));
  auto later = spool.open().value();
  BOOST_TEST(!later->import(m, "first").value());
  BOOST_TEST(later->count().value() == 0);
  BOOST_REQUIRE(later->tidy(wall_seconds(), wall_seconds()));
  BOOST_TEST(!later->import(m, "first").value());
  // An id that a message of our own has.
  StoredMessage own = sample(10);
  BOOST_REQUIRE(st->insert(own));
  const auto taken = st->import(own, "x");
  BOOST_REQUIRE(!taken);
  BOOST_TEST(taken.error().text.find("is in the queue") != std::string::npos);
  BOOST_TEST(st->load(own.envelope.id).has_value());
}

BOOST_AUTO_TEST_CASE(due_order_frozen_and_claims) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage a = sample(10), b = sample(10), c = sample(10), d = sample(10);
  d.envelope.queue_name = "slow";
  for (auto* m : {&a, &b, &c, &d}) BOOST_REQUIRE(st->insert(*m));
  BOOST_REQUIRE(st->update(a.envelope, 500));
  BOOST_REQUIRE(st->update(b.envelope, 100));
  c.envelope.frozen = true;
  BOOST_REQUIRE(st->update(c.envelope, 0));
  using Ids = std::vector<std::string>;
  BOOST_TEST(st->due(99, 10, false, "").value() == Ids{});
  BOOST_TEST(st->due(1000, 10, false, "").value() == (Ids{b.envelope.id, a.envelope.id}));
  BOOST_TEST(st->due(1000, 1, false, "").value() == Ids{b.envelope.id});
  BOOST_TEST(st->due(1000, 10, true, "").value() == (Ids{b.envelope.id, a.envelope.id, c.envelope.id}));
  BOOST_TEST(st->due(1000, 10, false, "slow").value() == Ids{d.envelope.id});
  BOOST_REQUIRE(st->remove(d.envelope.id, true));
  auto claim = st->claim(b.envelope.id).value();
  BOOST_REQUIRE(claim);
  BOOST_TEST(!st->claim(b.envelope.id).value());
  BOOST_TEST(st->due(1000, 10, false, "").value() == Ids{a.envelope.id});
  // A second store object stands for another process: open file description locks are per description.
  auto other = spool.open().value();
  BOOST_TEST(!other->claim(b.envelope.id).value());
  BOOST_TEST(other->due(1000, 10, false, "").value() == Ids{a.envelope.id});
  claim.reset();
  BOOST_TEST(static_cast<bool>(other->claim(b.envelope.id).value()));
}

BOOST_AUTO_TEST_CASE(a_claim_that_is_kept_ends_with_the_last_who_has_its_descriptor) {
  Spool spool;
  auto st = spool.open().value();
  const StoredMessage m = sample(10), n = sample(10);
  BOOST_REQUIRE(st->insert(m));
  BOOST_REQUIRE(st->insert(n));
  const int copy = ::dup(st->lock_descriptor());
  BOOST_REQUIRE(copy >= 0);
  st->claim(m.envelope.id).value()->keep();
  (void)st->claim(n.envelope.id).value();  // given back
  auto other = spool.open().value();
  BOOST_TEST(!other->claim(m.envelope.id).value());
  BOOST_TEST(static_cast<bool>(other->claim(n.envelope.id).value()));
  st.reset();
  BOOST_TEST(!other->claim(m.envelope.id).value());
  ::close(copy);
  BOOST_TEST(static_cast<bool>(other->claim(m.envelope.id).value()));
}

BOOST_AUTO_TEST_CASE(lazy_removal_is_seen_at_once_and_keeps_its_claim) {
  Spool spool;
  auto st = spool.open().value();
  auto other = spool.open().value();
  StoredMessage m = sample(10);
  BOOST_REQUIRE(st->insert(m));
  {
    auto claim = st->claim(m.envelope.id).value();
    BOOST_REQUIRE(st->remove(m.envelope.id, false));
  }
  BOOST_TEST((st->load(m.envelope.id).error().kind == ErrorKind::not_found));
  BOOST_TEST(st->list(false).value().empty());
  BOOST_TEST(st->due(1, 10, false, "").value().empty());
  // The other process either still finds it claimed or finds it gone.
  if (other->claim(m.envelope.id).value()) BOOST_TEST(!other->load(m.envelope.id).has_value());
  BOOST_REQUIRE(st->insert(sample(10)));  // any commit carries the removal
  BOOST_TEST(other->count().value() == 1);
}

BOOST_AUTO_TEST_CASE(large_bodies_are_files) {
  Spool spool;
  auto st = spool.open().value();
  const auto files = [&] {
    return std::distance(std::filesystem::directory_iterator(spool.path + "/bodies"),
                         std::filesystem::directory_iterator());
  };
  std::string bytes;
  for (int i = 0; i < 200000; ++i) bytes += std::to_string(i) + "\n";
  auto w = st->new_body();
  for (std::size_t i = 0; i < bytes.size(); i += 5000) BOOST_REQUIRE(w->write(std::string_view(bytes).substr(i, 5000)));
  BOOST_TEST(w->size() == bytes.size());
  StoredMessage m = sample(10);
  m.body = w->finish().value();
  w.reset();
  BOOST_TEST(m.body->in_memory() == nullptr);
  BOOST_REQUIRE(st->insert(m));
  m.body.reset();
  BOOST_TEST(files() == 1);
  auto got = st->load(m.envelope.id).value();
  std::string all;
  BOOST_REQUIRE(got.body->for_each([&](std::string_view p) -> Status {
    all += p;
    return {};
  }));
  BOOST_TEST((all == bytes));
  BOOST_TEST(got.body->read(10, 4).value() == bytes.substr(10, 4));
  BOOST_REQUIRE(st->remove(m.envelope.id, true));
  BOOST_TEST(files() == 0);
  BOOST_TEST(got.body->read(0, 5).value() == bytes.substr(0, 5));  // an open body outlives its message

  {  // never stored: gone with its last owner; also when it was never finished
    auto a = st->new_body();
    BOOST_REQUIRE(a->write(bytes));
    auto b = st->new_body();
    BOOST_REQUIRE(b->write(bytes));
    BOOST_TEST(files() == 2);
    auto body = a->finish().value();
  }
  BOOST_TEST(files() == 0);

  // A body from elsewhere (memory, too big) is written to a file of ours.
  StoredMessage n = sample(10);
  n.body = mail::Body::from_string(bytes);
  BOOST_REQUIRE(st->insert(n));
  BOOST_TEST(files() == 1);
  BOOST_TEST((st->load(n.envelope.id).value().body->read(0, bytes.size()).value() == bytes));
}

BOOST_AUTO_TEST_CASE(orphaned_files_go_foreign_ones_stay) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(10);
  m.body = mail::Body::from_string(std::string(400000, 'b'));
  BOOST_REQUIRE(st->insert(m));
  m.body.reset();
  const std::string orphan = spool.path + "/bodies/" + new_message_id() + "-D", foreign = spool.path + "/bodies/README";
  std::ofstream(orphan) << "left behind";
  std::ofstream(foreign) << "mine";
  std::filesystem::create_symlink("/etc/passwd", spool.path + "/bodies/" + new_message_id() + "-D");
  st.reset();
  st = spool.open().value();
  st->message_log(m.envelope.id, "starts the writer");
  for (int i = 0; i < 3000 && std::filesystem::exists(orphan); ++i) ::usleep(20000);
  BOOST_TEST(!std::filesystem::exists(orphan));
  BOOST_TEST(std::filesystem::exists(foreign));
  BOOST_TEST(std::filesystem::exists("/etc/passwd"));
  BOOST_TEST(st->load(m.envelope.id).value().body->size() == 400000U);
}

BOOST_AUTO_TEST_CASE(damaged_body_file_is_named) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(10);
  m.body = mail::Body::from_string(std::string(400000, 'b'));
  BOOST_REQUIRE(st->insert(m));
  m.body.reset();
  const auto file = std::filesystem::directory_iterator(spool.path + "/bodies")->path();
  std::filesystem::resize_file(file, 1000);
  auto got = st->load(m.envelope.id);
  BOOST_REQUIRE(!got);
  BOOST_TEST(got.error().text.find(file.string()) != std::string::npos);
  std::filesystem::remove(file);
  BOOST_TEST(!st->load(m.envelope.id).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_set_aside_is_not_offered_until_it_is_taken_again) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(100), other = sample(100);
  BOOST_REQUIRE(st->insert(m));
  BOOST_REQUIRE(st->insert(other));
  const std::string id = m.envelope.id;
  BOOST_TEST(st->set_aside(id).value());
  BOOST_TEST(!st->set_aside(id).value());
  BOOST_TEST(!st->set_aside("1abcde-000000000Ab-1cDe").value());
  const auto offered = [&](Store& s) {
    Store::Walk walk;
    const auto out = s.due(wall_seconds() + 10, 10, true, "").value();
    const auto walked = s.ids(10, true, "", walk).value();
    return std::count(out.begin(), out.end(), id) + std::count(walked.begin(), walked.end(), id);
  };
  BOOST_TEST(offered(*st) == 0);
  const auto list = st->list(true).value();
  for (const auto& e : list) BOOST_TEST((e.damaged && e.frozen) == (e.id == id));
  auto again = st->load(id).value();
  BOOST_TEST(again.envelope.frozen);
  again.envelope.frozen = false;
  BOOST_REQUIRE(st->update(again.envelope, 0));
  BOOST_TEST(offered(*st) == 2);
  st->leave_alone(id, Seconds(60));
  BOOST_TEST(offered(*st) == 0);
  BOOST_TEST(offered(*spool.open().value()) == 2);
  BOOST_REQUIRE(st->load(id));
  BOOST_TEST(offered(*st) == 2);
}

BOOST_AUTO_TEST_CASE(due_messages_are_found_by_an_index_of_their_queue) {
  Spool spool;
  BOOST_REQUIRE(spool.open().value()->insert(sample(100)));
  auto db = Database::open(spool.database(), SQLITE_OPEN_READWRITE, 1000).value();
  const auto plan = [&](const char* sql) {
    auto q = db->query(sql).value();
    std::string out;
    while (q.step() == SQLITE_ROW) out += std::string(q.column(3)) + "\n";
    return out;
  };
  const std::string waiting = plan(
      "EXPLAIN QUERY PLAN SELECT id, next_attempt FROM messages WHERE frozen = 0 AND next_attempt <= ?1 AND"
      " queue = ?2 AND (next_attempt, id) > (?3, ?4) ORDER BY next_attempt, id");
  BOOST_TEST(waiting.find("messages_waiting (queue=? AND ") != std::string::npos, waiting);
  BOOST_TEST(waiting.find("TEMP B-TREE") == std::string::npos, waiting);
  const std::string frozen = plan(
      "EXPLAIN QUERY PLAN SELECT id, next_attempt FROM messages WHERE frozen <> 0 AND frozen <> 2 AND queue = ?1"
      " AND id > ?2 AND (?3 OR received <= ?4 OR (sender = '' AND received <= ?5)) ORDER BY id");
  BOOST_TEST(frozen.find("messages_frozen (queue=? AND id>?)") != std::string::npos, frozen);
}

BOOST_AUTO_TEST_CASE(what_happened_is_recorded_although_its_fiber_is_cancelled) {
  Spool spool;
  io::run_loop([&] {
    auto st = spool.open().value();
    // So many that most are still queued when they could be withdrawn: the writer is at work on the first.
    std::vector<StoredMessage> updated(20), replaced(20), removed(20), late(20);
    io::Nursery nursery;
    for (std::size_t i = 0; i < updated.size(); ++i) {
      for (auto* all : {&updated, &replaced, &removed}) {
        (*all)[i] = sample(100, 2);
        BOOST_REQUIRE(st->insert((*all)[i]));
      }
      late[i] = sample(100);
      updated[i].envelope.recipients[0].done = true;
      replaced[i].envelope.sender = "other@example.org";
      nursery.spawn("cancelled", [&, i] {
        BOOST_TEST(!io::sleep_for(Seconds(60)).has_value());
        BOOST_TEST(st->update(updated[i].envelope, 5).has_value());
        BOOST_TEST(st->replace(replaced[i], 6).has_value());
        BOOST_TEST(st->remove(removed[i].envelope.id, true).has_value());
        // A new message may be withdrawn; the answer is true in any case.
        const bool accepted = st->insert(late[i]).has_value();
        BOOST_TEST(st->load(late[i].envelope.id).has_value() == accepted);
      });
    }
    io::yield_fiber();
    nursery.cancel_all();
    BOOST_REQUIRE(nursery.join());
    for (std::size_t i = 0; i < updated.size(); ++i) {
      BOOST_TEST(st->load(updated[i].envelope.id).value().envelope.recipients[0].done);
      BOOST_TEST(st->load(replaced[i].envelope.id).value().envelope.sender == "other@example.org");
      BOOST_TEST(!st->load(removed[i].envelope.id).has_value());
    }
    return 0;
  });
}

BOOST_AUTO_TEST_CASE(unchanged_means_as_it_is_in_the_store) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(400000);
  BOOST_REQUIRE(st->insert(m));
  BOOST_TEST(st->unchanged(m));
  auto edited = m;
  edited.headers.all().push_back({' ', "X-Added: 1\n"});
  auto other = spool.open().value();  // stands for another process
  BOOST_REQUIRE(other->replace(edited, 0));
  BOOST_TEST(!st->unchanged(m));
  BOOST_TEST(st->unchanged(edited));
  edited.envelope.frozen = true;
  BOOST_REQUIRE(other->update(edited.envelope, 0));
  BOOST_TEST(st->unchanged(edited));
  edited.envelope.frozen = false;
  BOOST_TEST(!st->unchanged(edited));
  BOOST_REQUIRE(other->remove(m.envelope.id, true));
  edited.envelope.frozen = true;
  BOOST_TEST(!st->unchanged(edited));
}

BOOST_AUTO_TEST_CASE(message_log_lines) {
  Spool spool;
  auto st = spool.open().value();
  StoredMessage m = sample(10);
  BOOST_REQUIRE(st->insert(m));
  st->message_log(m.envelope.id, "first");
  BOOST_TEST(st->read_message_log(m.envelope.id).value() == "first\n");
  BOOST_REQUIRE(st->update(m.envelope, 5));
  st->message_log(m.envelope.id, "second\n");
  st.reset();
  st = spool.open().value();
  BOOST_TEST(st->read_message_log(m.envelope.id).value() == "first\nsecond\n");
  BOOST_REQUIRE(st->remove(m.envelope.id, true));
  BOOST_TEST(st->read_message_log(m.envelope.id).value() == "");
}

BOOST_AUTO_TEST_CASE(fibers_share_commits_and_a_cancelled_one_withdraws) {
  Spool spool;
  const int rc = io::run_loop([&] {
    auto st = spool.open().value();
    int stored = 0;
    io::Nursery n;
    for (int i = 0; i < 200; ++i)
      n.spawn("insert", [&] { stored += st->insert(sample(4096)).has_value() ? 1 : 0; }, io::StackSize::large);
    BOOST_TEST(n.join().has_value());
    BOOST_TEST(stored == 200);
    BOOST_TEST(st->count().value() == 200);
    const auto before = st->count().value();
    {
      io::DeadlineScope d(Millis(0));
      const auto s = st->insert(sample(10));
      // Either it was withdrawn, or it was under way and the answer is true.
      BOOST_TEST(st->count().value() == before + (s ? 1 : 0));
    }
    return 0;
  });
  BOOST_TEST(rc == 0);
}

BOOST_AUTO_TEST_SUITE_END()
