// The database file itself: older versions, damaged, foreign and missing ones.
#include "core/store/store.h"

#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <fstream>

#include "core/io/fiber.h"
#include "core/store/sqlite.h"
#include "tests/unit/core_store/store_fixture.h"

using namespace remex;
using namespace remex::store;
using remex::store::testing::sample;
using remex::store::testing::Spool;

BOOST_AUTO_TEST_SUITE(database_test)

/// As version 2 left a spool.
constexpr const char* kToVersion2 =
    "ALTER TABLE retry DROP COLUMN told; DROP INDEX messages_waiting; DROP INDEX messages_frozen;"
    "CREATE INDEX messages_due ON messages (next_attempt, id) WHERE frozen = 0; PRAGMA user_version=2;";

BOOST_AUTO_TEST_CASE(a_spool_of_version_2_is_taken_over) {
  Spool spool;
  const StoredMessage m = sample(100);
  RetryRecord r;
  r.key = "T:a@b";
  r.error_text = "was";
  {
    auto st = spool.open().value();
    BOOST_REQUIRE(st->insert(m));
    BOOST_REQUIRE(st->put_retry(r));
  }
  {
    auto db = Database::open(spool.database(), SQLITE_OPEN_READWRITE, 1000).value();
    BOOST_REQUIRE(db->exec(kToVersion2) == SQLITE_OK);
  }
  auto st = spool.open().value();
  BOOST_TEST(st->due(wall_seconds(), 9, true, "").value() == std::vector<std::string>{m.envelope.id});
  BOOST_TEST(st->get_retry("T:a@b").value().value().error_text == "was");
  r.told = "told";
  BOOST_REQUIRE(st->put_retry(r));
  st.reset();
  st = spool.open().value();
  BOOST_TEST(st->get_retry("T:a@b").value().value().told == "told");
  BOOST_TEST(st->all_retry().value().at(0).told == "told");
}

BOOST_AUTO_TEST_CASE(a_spool_of_version_1_is_taken_over) {
  Spool spool;
  const StoredMessage m = sample(100);
  {
    auto st = spool.open().value();
    BOOST_REQUIRE(st->insert(m));
    BOOST_REQUIRE(st->put_hint("seen", "a", "1"));
  }
  {
    auto db = Database::open(spool.database(), SQLITE_OPEN_READWRITE, 1000).value();
    BOOST_REQUIRE(db->exec(kToVersion2) == SQLITE_OK);
    BOOST_REQUIRE(db->exec("ALTER TABLE hints DROP COLUMN at; PRAGMA user_version=1") == SQLITE_OK);
  }
  auto st = spool.open().value();
  BOOST_TEST(st->load(m.envelope.id).has_value());
  BOOST_REQUIRE(st->tidy(0, wall_seconds() - 60));
  BOOST_TEST(st->get_hint("seen", "a").value().value() == "1");  // as if written now
  BOOST_REQUIRE(st->put_hint("seen", "b", "2"));
  st.reset();
  st = spool.open().value();
  BOOST_TEST(st->get_hint("seen", "b").value().value() == "2");
  BOOST_REQUIRE(st->tidy(0, wall_seconds() + 1));
  BOOST_TEST(st->all_hints("seen").value().empty());
}

BOOST_AUTO_TEST_CASE(looking_at_an_empty_spool_creates_nothing) {
  Spool spool;
  auto st = spool.open(true).value();
  BOOST_TEST(st->list(true).value().empty());
  BOOST_TEST(!st->insert(sample(10)).has_value());
  BOOST_TEST(std::filesystem::is_empty(spool.path));
}

BOOST_AUTO_TEST_CASE(a_spool_that_was_taken_away_is_made_again) {
  for (const bool worked_before : {false, true}) {
    Spool spool;
    auto st = spool.open().value();
    const StoredMessage lost = sample(10), kept = sample(10), later = sample(400 * 1024);
    if (worked_before) BOOST_REQUIRE(st->insert(lost));
    std::filesystem::remove_all(spool.path + "/db");
    std::filesystem::remove_all(spool.path + "/bodies");
    BOOST_REQUIRE(st->insert(kept));
    auto body = st->new_body();
    BOOST_REQUIRE(body->write(std::string(400 * 1024, 'x')));
    StoredMessage big = later;
    big.body = body->finish().value();
    BOOST_REQUIRE(st->insert(big));
    BOOST_TEST(st->count().value() == 2);
    st.reset();
    auto again = spool.open().value();  // what was accepted is found by the next process
    BOOST_TEST(again->count().value() == 2);
    BOOST_TEST(again->load(kept.envelope.id).has_value());
    BOOST_TEST(again->load(later.envelope.id).value().body->size() == 400U * 1024);
    BOOST_TEST(again->check().has_value());
  }
}

BOOST_AUTO_TEST_CASE(damaged_foreign_and_newer_databases_are_refused) {
  {
    Spool spool;
    std::filesystem::create_directories(spool.path + "/db");
    std::ofstream(spool.database()) << std::string(8192, 'j');
    auto st = spool.open();
    BOOST_REQUIRE(!st);
    BOOST_TEST(st.error().text.find("damaged") != std::string::npos);
    BOOST_TEST(st.error().text.find(spool.database()) != std::string::npos);
  }
  {
    Spool spool;
    {
      auto st = spool.open().value();
      for (int i = 0; i < 200; ++i) BOOST_REQUIRE(st->insert(sample(4000)));
    }
    {
      auto st = spool.open().value();
    }
    std::filesystem::remove(spool.database() + "-wal");
    std::filesystem::remove(spool.database() + "-shm");
    std::fstream f(spool.database(), std::ios::in | std::ios::out | std::ios::binary);
    f.seekp(4096);
    f << std::string(12 * 4096, '\xa5');
    f.close();
    auto st = spool.open();
    const bool noticed = !st || !st.value()->check() || !st.value()->list(true);
    BOOST_TEST(noticed);
    if (st) {
      auto c = st.value()->check();
      BOOST_TEST(!c.has_value());
      if (!c) BOOST_TEST(c.error().text.find("damaged") != std::string::npos);
    }
  }
  Spool taken;
  std::filesystem::create_directories(taken.path + "/db");
  std::ofstream(taken.path + "/file") << "x";
  StoreOptions o;
  o.directory = taken.path + "/file";
  BOOST_TEST(!Store::open(o).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
