// The hints of the store: read back at once, forgotten in time, bounded.
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

BOOST_AUTO_TEST_SUITE(hints_test)

BOOST_AUTO_TEST_CASE(hints_are_read_back_before_and_after_the_commit) {
  Spool spool;
  auto st = spool.open().value();
  RetryRecord r{"T:mx.example.net:192.0.2.9", "Connection refused", "refused_MX", 100, 200, 300, false};
  BOOST_REQUIRE(st->put_retry(r));
  BOOST_TEST(st->get_retry(r.key).value()->next_try == 300);
  BOOST_REQUIRE(st->put_hint("callout", "a@b", std::string("x\0y", 3)));
  BOOST_TEST(st->get_hint("callout", "a@b").value().value() == std::string("x\0y", 3));
  BOOST_TEST(!st->get_hint("ratelimit", "a@b").value().has_value());
  st.reset();
  st = spool.open().value();
  BOOST_TEST(st->get_retry(r.key).value()->error == "refused_MX");
  BOOST_TEST(st->get_retry(r.key).value()->error_text == "Connection refused");
  BOOST_TEST(st->get_hint("callout", "a@b").value().value() == std::string("x\0y", 3));
  BOOST_TEST(st->all_retry().value().size() == 1U);
  BOOST_REQUIRE(st->delete_retry(r.key));
  BOOST_TEST(!st->get_retry(r.key).value().has_value());
  BOOST_TEST(st->all_retry().value().empty());
}

BOOST_AUTO_TEST_CASE(old_hints_are_forgotten) {
  Spool spool;
  auto st = spool.open().value();
  const std::int64_t now = wall_seconds();
  // More than one piece, so that the places between them are right.
  for (int i = 0; i < 2500; ++i) {
    const std::string n = std::to_string(i);
    BOOST_REQUIRE(st->put_retry({"T:" + n, "late", "*", 1, i % 2 == 0 ? 100 : 200, 300, false}));
    BOOST_REQUIRE(st->put_hint(i % 3 == 0 ? "callout" : "seen", n, "x"));
  }
  BOOST_REQUIRE(st->keep_hint("replay", "signature", "x", now + 500));
  BOOST_REQUIRE(st->tidy(200, now));  // waits for what was only queued: nothing is looked at before it is committed
  st.reset();
  st = spool.open().value();
  BOOST_REQUIRE(st->tidy(200, now));
  BOOST_TEST(st->all_retry().value().size() == 1250U);
  BOOST_TEST(st->get_retry("T:1").value().has_value());
  BOOST_TEST(!st->get_retry("T:2498").value().has_value());
  BOOST_TEST(st->all_hints("seen").value().size() + st->all_hints("callout").value().size() == 2500U);
  BOOST_REQUIRE(st->tidy(0, wall_seconds() + 1));
  BOOST_TEST(st->all_hints("seen").value().empty());
  BOOST_TEST(st->all_hints("callout").value().empty());
  BOOST_TEST(st->get_hint("replay", "signature").value().has_value());  // it asked for more
  BOOST_TEST(st->all_retry().value().size() == 1250U);
  BOOST_REQUIRE(st->tidy(0, now + 501));
  BOOST_TEST(!st->get_hint("replay", "signature").value().has_value());
}

BOOST_AUTO_TEST_CASE(hints_do_not_grow_without_end) {
  Spool spool;
  auto st = spool.open().value();
  st->set_hints_max(160);
  for (int i = 0; i < 1000; ++i) {
    const std::string n = std::to_string(i);
    BOOST_REQUIRE(st->put_retry({"T:" + n, "late", "*", 1, i, 300, false}));
    BOOST_REQUIRE(st->keep_hint("callout", n, "x", 4000000000 + i));
  }
  BOOST_REQUIRE(st->put_hint("seen", "a", "x"));  // a table of its own, not made to suffer
  BOOST_REQUIRE(st->tidy(0, 0));                  // waits for what was queued
  st.reset();
  st = spool.open().value();
  BOOST_TEST(st->all_retry().value().size() <= 176U);
  BOOST_TEST(st->all_retry().value().size() >= 160U);
  BOOST_TEST(st->all_hints("callout").value().size() <= 176U);
  BOOST_TEST(st->all_hints("callout").value().size() >= 160U);
  BOOST_TEST(st->get_retry("T:999").value().has_value());  // the oldest went
  BOOST_TEST(!st->get_retry("T:0").value().has_value());
  BOOST_TEST(st->get_hint("callout", "999").value().has_value());
  BOOST_TEST(!st->get_hint("callout", "0").value().has_value());
  BOOST_TEST(st->get_hint("seen", "a").value().has_value());
  // A new process looks at once.
  st->set_hints_max(20);
  BOOST_REQUIRE(st->put_retry({"T:new", "late", "*", 1, 2000, 300, false}));
  st.reset();
  st = spool.open().value();
  BOOST_TEST(st->all_retry().value().size() == 20U);
  BOOST_TEST(st->get_retry("T:new").value().has_value());
}

BOOST_AUTO_TEST_CASE(what_was_forgotten_for_lack_of_room_is_told) {
  Spool spool;
  auto st = spool.open().value();
  st->set_hints_max(16);
  for (int i = 0; i < 40; ++i) BOOST_REQUIRE(st->put_hint("ratelimit", std::to_string(i), "x"));
  BOOST_REQUIRE(st->insert(sample(10)));  // behind the hints
  const auto dropped = st->take_hints_dropped();
  BOOST_REQUIRE(dropped.size() == 1U);
  BOOST_TEST(dropped[0].first == "ratelimit");
  BOOST_TEST(dropped[0].second == 24U);
  BOOST_TEST(st->take_hints_dropped().empty());
}

BOOST_AUTO_TEST_SUITE_END()
