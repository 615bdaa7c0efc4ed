// What came of deliveries that were cut short, and when it is on the disk.
#include <boost/test/unit_test.hpp>

#include "tests/unit/core_delivery/fixture.h"

using namespace remex;
using namespace remex::delivery;
using remex::delivery::testing::World;

namespace {

/// Runs a delivery of the message that is cancelled when the server hears MAIL.
void deliver_until_mail(World& w, const std::string& id) {
  io::Nursery deliveries;
  w.on_command = [&](const std::string& command) {
    if (istarts_with(command, "MAIL")) deliveries.cancel_all();
  };
  deliveries.spawn("delivery", [&] { (void)deliver_message(w.engine, id, {}); });
  (void)deliveries.join();
  w.on_command = nullptr;
}

bool has(const World& w, const std::string& id, const std::string& part) {
  for (const auto& line : w.lines(id))
    if (line.find(part) != std::string::npos) return true;
  return false;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(outcome_test)

BOOST_AUTO_TEST_CASE(a_delivery_that_was_cancelled_is_nobodys_failure) {
  // Without a retry rule a failure for now is one for good, and a message without a sender would be gone.
  for (const char* retry : {"", "*  *  F,1s,1s\n", "*  *  F,2h,15m\n"})
    io::run_loop([&] {
      World w("", retry);
      const auto m = w.message({"x@remote.test", "a@local.test"}, "");
      BOOST_REQUIRE(w.engine.store->insert(m));
      deliver_until_mail(w, m.envelope.id);
      const std::string text = w.mainlog();
      BOOST_TEST(!has(w, m.envelope.id, "** "), text);
      BOOST_TEST(!has(w, m.envelope.id, "H=127.0.0.1"), text);
      BOOST_TEST(!has(w, m.envelope.id, "Completed"), text);
      BOOST_TEST(has(w, m.envelope.id, "== x@remote.test R=rem T=smtp defer (125)"), text);
      BOOST_TEST(w.engine.store->all_retry().value().empty());
      const auto kept = w.engine.store->load(m.envelope.id).value();
      BOOST_TEST(!kept.envelope.recipients[0].done);
      BOOST_TEST(kept.envelope.recipients[1].done);
      const auto entry = w.engine.store->list(false).value().at(0);
      BOOST_TEST(entry.next_attempt > 0);
      BOOST_TEST(entry.next_attempt <= wall_seconds());
      return 0;
    });
}

BOOST_AUTO_TEST_CASE(a_refusal_that_nobody_could_be_told_of_is_met_again) {
  io::run_loop([&] {
    World w("", "*  *  F,2h,15m\n");
    const auto m = w.message({"failme@local.test", "x@remote.test"});
    BOOST_REQUIRE(w.engine.store->insert(m));
    deliver_until_mail(w, m.envelope.id);
    const auto kept = w.engine.store->load(m.envelope.id).value();
    BOOST_TEST(!kept.envelope.recipients[0].done);
    BOOST_TEST(!kept.envelope.recipients[1].done);
    BOOST_TEST(w.queued() == 1U);  // no bounce
    return 0;
  });
}

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
