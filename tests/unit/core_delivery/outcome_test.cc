// What came of deliveries, and when it is on the disk.
#include <boost/test/unit_test.hpp>

#include "tests/unit/core_delivery/fixture.h"

using namespace remex;
using namespace remex::delivery;
using remex::delivery::testing::World;

BOOST_AUTO_TEST_SUITE(outcome_test)

BOOST_AUTO_TEST_CASE(a_local_delivery_is_on_the_disk_before_another_server_is_asked) {
  io::run_loop([&] {
    World w;
    const auto m = w.message({"a@local.test", "x@remote.test"});
    BOOST_REQUIRE(w.engine.store->insert(m));
    std::vector<bool> done;
    w.on_command = [&](const std::string& command) {
      if (!istarts_with(command, "MAIL")) return;
      const auto now = w.engine.store->load(m.envelope.id).value();
      for (const auto& r : now.envelope.recipients) done.push_back(r.done);
    };
    BOOST_TEST(deliver_message(w.engine, m.envelope.id, {}).has_value());
    BOOST_TEST(done == (std::vector<bool>{true, false}), boost::test_tools::per_element());
    BOOST_TEST(w.queued() == 0U);
    return 0;
  });
}

BOOST_AUTO_TEST_SUITE_END()
