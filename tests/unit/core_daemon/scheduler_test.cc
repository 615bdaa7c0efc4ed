// The scheduler of deliveries: a delivery that throws is logged and gives its slot back; new messages beyond the bound
// wait for a slot; draining waits for what runs.
#include "core/daemon/scheduler.h"

#include <boost/test/unit_test.hpp>

#include "tests/unit/core_delivery/fixture.h"

using namespace remex;
using delivery::testing::in_world;
using delivery::testing::World;

namespace {

/// Routing an address of held.test throws, outside of what the delivery itself contains.
constexpr const char* kThrows =
    "hold_domains = ${if eq{$domain}{held.test}{${if eq{${lookup dnsdb{txt=boom.test}}}{x}{held.test}}}}\n";

std::shared_ptr<daemon::Process> process_of(const World& w) {
  auto p = std::make_shared<daemon::Process>();
  p->engine = w.engine;
  return p;
}

/// Stores a message and hands it to the scheduler, as after reception; its id.
std::string give(World& w, daemon::Scheduler& s, const std::shared_ptr<daemon::Process>& p, const std::string& to) {
  auto m = w.message({to});
  const std::string id = m.envelope.id;
  BOOST_REQUIRE(w.engine.store->insert(m));
  s.deliver(p, std::move(m));
  return id;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(scheduler_test)

BOOST_AUTO_TEST_CASE(an_exception_gives_its_slot_back) {
  in_world(kThrows, [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1);  // one slot: were it lost, nothing would ever be delivered again
    const auto bad = give(w, s, p, "u@held.test");
    give(w, s, p, "a@local.test");
    const io::DeadlineScope limit(Seconds(60));
    while (w.mailbox("a").empty() || s.running() != 0) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    const std::string said = "delivery could not be recorded: internal error: no DNS in this test";
    BOOST_TEST(w.mainlog().find(bad + " " + said) != std::string::npos);
    BOOST_TEST(w.slurp(w.path + "/log/paniclog").find(bad + " " + said) != std::string::npos);
    BOOST_TEST(w.queued() == 1U);  // the message is still there
    s.drain();
  });
}

BOOST_AUTO_TEST_CASE(a_queue_run_may_follow_one_that_failed) {
  in_world(kThrows, [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1);
    BOOST_REQUIRE(w.engine.store->insert(w.message({"u@held.test"})));
    s.queue_run(p);
    const io::DeadlineScope limit(Seconds(60));
    const auto runs = [&] {
      const std::string log = w.mainlog();
      std::size_t n = 0;
      for (auto at = log.find("End queue run"); at != std::string::npos; at = log.find("End queue run", at + 1)) ++n;
      return n;
    };
    while (runs() < 1) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(w.mainlog().find("queue run failed: internal error") != std::string::npos);
    BOOST_REQUIRE(w.engine.store->insert(w.message({"a@local.test"})));
    while (w.mailbox("a").empty()) {
      s.queue_run(p);  // refused while one runs, so asked again
      BOOST_REQUIRE(io::sleep_for(Millis(5)));
    }
    s.drain();
    BOOST_TEST(s.running() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(draining_finishes_what_runs_and_starts_nothing) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(2);
    std::vector<store::StoredMessage> messages;
    for (const char* to : {"a@local.test", "a@local.test", "b@local.test"}) {
      messages.push_back(w.message({to}));
      BOOST_REQUIRE(w.engine.store->insert(messages.back()));
    }
    for (auto& m : messages) s.deliver(p, std::move(m));  // without a pause: the third waits for a slot
    BOOST_TEST(s.running() == 2U);
    s.drain();
    BOOST_TEST(w.mailbox("a").size() == 2U);
    BOOST_TEST(w.mailbox("b").empty());
    BOOST_TEST(w.queued() == 1U);
    give(w, s, p, "b@local.test");
    BOOST_TEST(s.running() == 0U);
  });
}

BOOST_AUTO_TEST_SUITE_END()
