// max_parallel: runs are counted by transport, those that ended make room, and the end of one wakes who waited longest.
#include "core/delivery/parallel.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

using remex::delivery::TransportRun;

namespace {
std::optional<TransportRun> begin(const std::string& transport, std::int64_t limit, const std::string& id = "m0") {
  TransportRun::Turn turn;
  return TransportRun::begin(transport, limit, id, turn);
}

TransportRun::Turn refused(const std::string& transport, const std::string& id) {
  TransportRun::Turn turn;
  BOOST_TEST(!TransportRun::begin(transport, 1, id, turn).has_value());
  return turn;
}
}  // namespace

BOOST_AUTO_TEST_CASE(runs_of_a_transport_are_counted) {
  {
    auto one = begin("a", 2);
    auto two = begin("a", 0);
    BOOST_TEST(one.has_value());
    BOOST_TEST(two.has_value());
    BOOST_TEST(!begin("a", 2).has_value());
    BOOST_TEST(begin("a", 3).has_value());  // ended at once
    BOOST_TEST(begin("b", 1).has_value());
    std::vector<TransportRun> kept;
    kept.push_back(std::move(*one));
    one.reset();  // moved from: it still counts
    BOOST_TEST(!begin("a", 2).has_value());
    kept.clear();
    BOOST_TEST(begin("a", 2).has_value());
  }
  BOOST_TEST(begin("a", 1).has_value());
}

BOOST_AUTO_TEST_CASE(the_end_of_a_run_wakes_who_waited_longest) {
  std::vector<std::string> woken;
  TransportRun::wake = [&woken](const std::string& id) { woken.push_back(id); };
  auto run = begin("c", 1, "m1");
  BOOST_TEST(run.has_value());
  BOOST_TEST(refused("c", "m2").place == 0U);
  BOOST_TEST(refused("c", "m3").place == 1U);
  const TransportRun::Turn again = refused("c", "m2");
  BOOST_TEST(again.repeated);
  BOOST_TEST(again.woken);
  run.reset();
  BOOST_TEST((woken == std::vector<std::string>{"m2"}));
  {
    const auto next = begin("c", 1, "m2");
    BOOST_TEST(refused("c", "m3").woken);
  }
  BOOST_TEST((woken == std::vector<std::string>{"m2", "m3"}));
  TransportRun::wake = nullptr;
  auto other = begin("c", 1, "m3");
  BOOST_TEST(!refused("c", "m4").woken);  // nobody would tell it
}
