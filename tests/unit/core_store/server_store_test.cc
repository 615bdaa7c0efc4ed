// What a long-lived store does besides: recycled body files, a log that has its room in advance and is copied by a
// thread.
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>

#include "core/store/bodies.h"
#include "core/store/body_pool.h"
#include "tests/unit/core_store/store_fixture.h"

using namespace remex;
using namespace remex::store;
using remex::store::testing::sample;
using remex::store::testing::Spool;
using remex::store::testing::wait_until_said;

namespace {

std::shared_ptr<Store> open_server(const Spool& spool) {
  StoreOptions o;
  o.directory = spool.path;
  o.server = true;
  return Store::open(o).value();
}

std::set<std::string> files(const Spool& spool) {
  std::set<std::string> names;
  for (const auto& e : std::filesystem::directory_iterator(spool.path + "/bodies"))
    names.insert(e.path().filename().string());
  return names;
}

StoredMessage large(char fill, std::size_t bytes = 400000) {
  StoredMessage m = sample(10);
  m.body = mail::Body::from_string(std::string(bytes, fill));
  return m;
}

bool is_all(const mail::Body& body, char c, std::size_t bytes) {
  auto text = body.read(0, bytes + 10);
  return text && text->size() == bytes && text->find_first_not_of(c) == std::string::npos;
}

std::int64_t log_bytes(const Spool& spool) {
  return static_cast<std::int64_t>(std::filesystem::file_size(spool.database() + "-wal"));
}

void make_file(const std::string& path, std::size_t bytes) { std::ofstream(path) << std::string(bytes, 'o'); }

}  // namespace

BOOST_AUTO_TEST_SUITE(server_store_test)

BOOST_AUTO_TEST_CASE(a_removed_body_is_written_over) {
  Spool spool;
  auto st = open_server(spool);
  auto a = large('a', 600000);
  BOOST_REQUIRE(st->insert(a));
  const auto first = files(spool);
  BOOST_REQUIRE(first.size() == 1U);
  const auto b = large('b');  // a is still there: another file
  BOOST_REQUIRE(st->insert(b));
  BOOST_TEST(files(spool).size() == 2U);
  a.body.reset();
  BOOST_REQUIRE(st->remove(a.envelope.id, true));
  BOOST_TEST(files(spool).size() == 2U);  // kept, not deleted
  const auto c = large('c', 300000);      // shorter than what the file holds
  BOOST_REQUIRE(st->insert(c));
  BOOST_TEST(files(spool).size() == 2U);
  BOOST_TEST(is_all(*st->load(b.envelope.id).value().body, 'b', 400000));
  BOOST_TEST(is_all(*st->load(c.envelope.id).value().body, 'c', 300000));
  BOOST_TEST(!st->load(a.envelope.id).has_value());
}

BOOST_AUTO_TEST_CASE(a_body_that_is_read_is_not_written_over) {
  Spool spool;
  auto st = open_server(spool);
  auto a = large('a');
  BOOST_REQUIRE(st->insert(a));
  a.body.reset();
  auto reader = std::make_unique<StoredMessage>(st->load(a.envelope.id).value());
  BOOST_REQUIRE(st->remove(a.envelope.id, true));
  const auto b = large('b');
  BOOST_REQUIRE(st->insert(b));
  BOOST_TEST(is_all(*reader->body, 'a', 400000));
  BOOST_TEST(files(spool).size() == 2U);
  reader.reset();
  BOOST_REQUIRE(st->insert(large('c')));  // now it may
  BOOST_TEST(files(spool).size() == 2U);
}

BOOST_AUTO_TEST_CASE(an_unfinished_body_leaves_a_file_to_recycle) {
  Spool spool;
  auto st = open_server(spool);
  auto a = large('a');
  BOOST_REQUIRE(st->insert(a));
  a.body.reset();
  BOOST_REQUIRE(st->remove(a.envelope.id, true));
  const auto used = files(spool);
  const auto begun = [&] {
    auto w = st->new_body();
    BOOST_REQUIRE(w->write(std::string(500000, 'x')));
    return w;
  };
  {
    const auto in_used = begun();
    BOOST_TEST(files(spool) == used);
    // Its name was never synced: taken from the pool it would be believed to be on the disk.
    const auto in_new = begun();
    BOOST_TEST(files(spool).size() == 2U);
  }
  BOOST_TEST(files(spool) == used);
  const auto b = large('b');
  BOOST_REQUIRE(st->insert(b));
  BOOST_TEST(files(spool) == used);
  BOOST_TEST(is_all(*st->load(b.envelope.id).value().body, 'b', 400000));
}

BOOST_AUTO_TEST_CASE(the_pool_takes_only_what_is_free) {
  Spool spool;
  const std::string dir = spool.path + "/bodies", known = new_message_id() + "-D", locked = new_message_id() + "-D",
                    replaced = new_message_id() + "-D", good = new_message_id() + "-D";
  std::filesystem::create_directory(dir);
  BodyPool pool(dir, {}, [&](const std::string& name) { return name == known; });
  for (const auto& name : {known, locked, replaced, good}) {
    make_file(dir + "/" + name, 1000);
    pool.give(name, false);
    pool.give(name, false);  // once is enough
  }
  BOOST_TEST(pool.size() == 4U);
  const int reader = ::open((dir + "/" + locked).c_str(), O_RDONLY | O_CLOEXEC);
  BOOST_REQUIRE(::flock(reader, LOCK_SH) == 0);
  make_file(dir + "/new", 1000);
  std::filesystem::rename(dir + "/new", dir + "/" + replaced);
  const auto t = pool.take();
  BOOST_REQUIRE(t.has_value());
  BOOST_TEST(t->name == good);
  BOOST_TEST(!pool.take().has_value());
  BOOST_TEST(pool.size() == 1U);  // the locked one may become free
  ::close(reader);
  const auto u = pool.take();
  BOOST_REQUIRE(u.has_value());
  BOOST_TEST(u->name == locked);
  // Held by its taker: neither an orphan nor free.
  pool.give(good, false);
  BOOST_TEST(!pool.take().has_value());
  BOOST_TEST(remove_orphans(dir, [](const std::string&) { return false; }, nullptr) == 2);  // known and replaced
  ::close(t->fd);
  ::close(u->fd);
}

BOOST_AUTO_TEST_CASE(the_pool_has_limits) {
  Spool spool;
  const std::string dir = spool.path;
  const auto give = [&](BodyPool& pool, std::size_t bytes) {
    const std::string name = new_message_id() + "-D";
    make_file(dir + "/" + name, bytes);
    pool.give(name, false);
    return std::filesystem::exists(dir + "/" + name);
  };
  const auto nothing = [](const std::string&) { return false; };
  BodyPool pool(dir, {.bytes = 3000, .file_bytes = 2000, .free_share = 1}, nothing);
  BOOST_TEST(give(pool, 2000));
  BOOST_TEST(!give(pool, 2001));
  BOOST_TEST(give(pool, 1000));
  BOOST_TEST(!give(pool, 1));
  pool.trim();
  BOOST_TEST(pool.size() == 2U);
  BOOST_TEST(pool.clear());
  BOOST_TEST(!pool.clear());
  BOOST_TEST(std::filesystem::is_empty(dir));
  BodyPool no_room(dir, {.bytes = 3000, .file_bytes = 2000, .free_share = ~0ULL}, nothing);
  BOOST_TEST(!give(no_room, 10));
}

BOOST_AUTO_TEST_CASE(what_another_process_took_is_not_deleted) {
  Spool spool;
  const std::string dir = spool.path, named = new_message_id() + "-D", written = new_message_id() + "-D",
                    free = new_message_id() + "-D";
  std::set<std::string> rows;
  const auto known = [&](const std::string& name) { return rows.contains(name); };
  const auto there = [&](const std::string& name) { return std::filesystem::exists(dir + "/" + name); };
  BodyPool here(dir, {.bytes = 3000, .file_bytes = 1000, .free_share = 1}, known), elsewhere(dir, {}, known);
  const auto both_have = [&](const std::string& name) {
    here.give(name, false);
    elsewhere.give(name, false);
  };
  for (const auto& name : {named, written}) {
    make_file(dir + "/" + name, 1000);
    both_have(name);
  }
  const auto w = elsewhere.take();  // being written
  BOOST_REQUIRE(w.has_value());
  BOOST_TEST(w->name == written);
  const auto n = elsewhere.take();  // finished: a row names it, nobody holds it
  BOOST_REQUIRE(n.has_value());
  rows.insert(named);
  ::close(n->fd);
  make_file(dir + "/" + free, 1000);
  both_have(free);
  BOOST_TEST(here.clear());
  BOOST_TEST(there(named));
  BOOST_TEST(there(written));
  BOOST_TEST(!there(free));
  BOOST_TEST(here.size() == 1U);  // the one that is written may become free
  BOOST_TEST(!here.clear());      // nothing was deleted: a full disk is not tried again
  here.give(named, false);
  BodyPool no_room(dir, {.bytes = 3000, .file_bytes = 10, .free_share = 1}, known);
  no_room.give(named, false);
  no_room.give(written, false);
  BOOST_TEST(there(named));
  BOOST_TEST(there(written));
  ::close(w->fd);
  BOOST_TEST(here.clear());
  BOOST_TEST(!there(written));
  BOOST_TEST(there(named));
}

BOOST_AUTO_TEST_CASE(orphans_become_files_to_recycle) {
  Spool spool;
  {
    auto st = open_server(spool);
    BOOST_REQUIRE(st->insert(large('k')));
  }
  const std::string orphan = new_message_id() + "-D";
  make_file(spool.path + "/bodies/" + orphan, 300000);
  auto st = open_server(spool);
  // The search runs a moment after the first work; until then new bodies get new files.
  bool recycled = false;
  unsigned pause = 20000;  // microseconds; about a minute and 50 bodies in all
  for (int i = 0; i < 50 && !recycled; ++i) {
    const auto before = files(spool);
    const auto m = large('n');
    BOOST_REQUIRE(st->insert(m));
    recycled = files(spool) == before;
    BOOST_TEST(is_all(*st->load(m.envelope.id).value().body, 'n', 400000));
    ::usleep(pause = std::min(pause * 5 / 4, 1500000U));
  }
  BOOST_TEST(recycled);
  const auto all = st->list(false).value();
  for (const auto& e : all) BOOST_TEST(st->load(e.id).has_value());
}

BOOST_AUTO_TEST_CASE(the_log_has_its_room_and_is_recycled) {
  Spool spool;
  {
    auto st = open_server(spool);
    BOOST_REQUIRE(st->insert(sample()));
    const auto room = log_bytes(spool);
    BOOST_TEST(room >= 16 << 20);
    for (int i = 0; i < 3000; ++i) {  // several times the length of the log
      const auto m = sample(12000);
      BOOST_REQUIRE(st->insert(m));
      BOOST_REQUIRE(st->remove(m.envelope.id, false));
    }
    BOOST_TEST(log_bytes(spool) == room);
    BOOST_TEST(st->count().value() >= 1);
  }
  BOOST_TEST(log_bytes(spool) >= 16 << 20);  // stays for the next process
  auto st = open_server(spool);
  BOOST_TEST(st->count().value() == 1);
  BOOST_TEST(st->check().has_value());
}

BOOST_AUTO_TEST_CASE(killed_servers_lose_nothing_and_mix_nothing_up) {
  Spool spool;
  std::set<std::string> acked, removed;
  for (int round = 0; round < 8; ++round) {
    int fds[2];
    BOOST_REQUIRE(::pipe(fds) == 0);
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto st = open_server(spool);
      for (int i = 0;; ++i) {
        // The body says whose it is: its character is made from the id.
        StoredMessage m = sample(10);
        const char c = static_cast<char>('a' + std::hash<std::string>{}(m.envelope.id) % 26);
        m.body = mail::Body::from_string(
            std::string(i % 3 == 0 ? 4000U : 300000U + 1000U * static_cast<unsigned>(i % 50), c));
        if (!st->insert(m)) ::_exit(2);
        const std::string id = m.envelope.id;
        m.body.reset();
        if (::write(fds[1], ("+" + id + "\n").data(), id.size() + 2) < 0) ::_exit(3);
        if (i % 4 == 0) continue;
        if (::write(fds[1], ("-" + id + "\n").data(), id.size() + 2) < 0) ::_exit(3);  // said first: may be gone
        if (!st->remove(id, i % 2 == 0)) ::_exit(4);
      }
    }
    ::close(fds[1]);
    wait_until_said(fds[0], 25 * 25);  // lines with an id
    ::usleep(25000 * static_cast<unsigned>(round));
    ::kill(pid, SIGKILL);
    int status = 0;
    ::waitpid(pid, &status, 0);
    BOOST_TEST(WIFSIGNALED(status));
    std::string text;
    char buf[65536];
    for (ssize_t n = 0; (n = ::read(fds[0], buf, sizeof buf)) > 0;) text.append(buf, static_cast<std::size_t>(n));
    ::close(fds[0]);
    std::size_t at = 0;
    for (std::size_t nl = 0; (nl = text.find('\n', at)) != std::string::npos; at = nl + 1)
      (text[at] == '+' ? acked : removed).insert(text.substr(at + 1, nl - at - 1));
  }
  BOOST_TEST(acked.size() > 8U * 12);
  auto st = open_server(spool);
  BOOST_TEST(st->check().has_value());
  std::set<std::string> there;
  const auto queue = st->list(false).value();
  for (const auto& e : queue) there.insert(e.id);
  int lost = 0, mixed = 0;
  for (const auto& id : acked) lost += !removed.contains(id) && !there.contains(id) ? 1 : 0;
  BOOST_TEST(lost == 0);
  for (const auto& id : there) {
    const auto m = st->load(id);
    const char c = static_cast<char>('a' + std::hash<std::string>{}(id) % 26);
    mixed += !m || !is_all(*m->body, c, m->body->size()) ? 1 : 0;
  }
  BOOST_TEST(mixed == 0);
}

BOOST_AUTO_TEST_SUITE_END()
