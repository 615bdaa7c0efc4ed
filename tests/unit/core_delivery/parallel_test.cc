// max_parallel: runs are counted by transport, and those that ended make room.
#include "core/delivery/parallel.h"

#include <boost/test/unit_test.hpp>
#include <vector>

using remex::delivery::TransportRun;

BOOST_AUTO_TEST_CASE(runs_of_a_transport_are_counted) {
  {
    auto one = TransportRun::begin("a", 2);
    auto two = TransportRun::begin("a", 0);
    BOOST_TEST(one.has_value());
    BOOST_TEST(two.has_value());
    BOOST_TEST(!TransportRun::begin("a", 2).has_value());
    BOOST_TEST(TransportRun::begin("a", 3).has_value());  // ended at once
    BOOST_TEST(TransportRun::begin("b", 1).has_value());
    std::vector<TransportRun> kept;
    kept.push_back(std::move(*one));
    one.reset();  // moved from: it still counts
    BOOST_TEST(!TransportRun::begin("a", 2).has_value());
    kept.clear();
    BOOST_TEST(TransportRun::begin("a", 2).has_value());
  }
  BOOST_TEST(TransportRun::begin("a", 1).has_value());
}
