// The scheduler of deliveries: a delivery that throws is logged and gives its slot back; new messages beyond the bound
// wait for a slot; draining waits for what runs.
#include "core/daemon/scheduler.h"

#include <boost/test/unit_test.hpp>
#include <thread>

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

BOOST_AUTO_TEST_CASE(a_process_that_cannot_deliver_leaves_its_messages_to_the_next) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1);
    int left = 0;
    bool stranded = false;
    s.leave([&left] { ++left; }, {}, [&stranded] { return stranded; });
    const io::DeadlineScope limit(Seconds(60));
    give(w, s, p, "a@local.test");  // it only makes room
    while (w.mailbox("a").empty() || !s.idle()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(left == 0);
    stranded = true;
    give(w, s, p, "b@local.test");
    BOOST_TEST(left == 1);
    BOOST_TEST(s.idle());
    BOOST_TEST(w.queued() == 1U);
    daemon::Scheduler next(1);
    next.queue_run(p);
    while (w.mailbox("b").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    s.drain();
    next.drain();
  });
}

/// A queue run under way that waits for a slow host until `go`.
void slow_run(World& w, daemon::Scheduler& s, const std::shared_ptr<daemon::Process>& p, const bool& go) {
  w.on_command = [&go](const std::string&) {
    while (!go && io::sleep_for(Millis(5))) {
    }
  };
  BOOST_REQUIRE(w.engine.store->insert(w.message({"x@remote.test"})));
  s.queue_run(p);
  while (w.commands.empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
}

BOOST_AUTO_TEST_CASE(a_queue_run_that_could_not_start_comes_when_the_other_ends) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1);
    bool go = false;
    const io::DeadlineScope limit(Seconds(60));
    slow_run(w, s, p, go);
    BOOST_REQUIRE(w.engine.store->insert(w.message({"a@local.test"})));
    s.queue_run(p);
    go = true;
    while (w.mailbox("a").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    s.drain();
    w.on_command = nullptr;
  });
}

BOOST_AUTO_TEST_CASE(a_slow_host_stops_neither_retries_nor_the_next_queue_run) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1, Millis(0));
    bool go = false;
    const io::DeadlineScope limit(Seconds(60));
    slow_run(w, s, p, go);
    auto m = w.message({"a@local.test"});
    BOOST_REQUIRE(w.engine.store->insert(m));
    BOOST_REQUIRE(w.engine.store->update(m.envelope, wall_seconds() - 1));
    s.retry_due(p);
    while (w.mailbox("a").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_REQUIRE(w.engine.store->insert(w.message({"b@local.test"})));
    s.queue_run(p);
    while (w.mailbox("b").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(w.messages == 0);
    go = true;
    s.drain();
    w.on_command = nullptr;
    BOOST_TEST(w.messages == 1);
    BOOST_TEST(w.queued() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(queue_run_max_bounds_the_runs_beside_a_slow_one) {
  in_world("queue_run_max = ${eval:2-1}\n", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1, Millis(0));
    bool go = false;
    const io::DeadlineScope limit(Seconds(60));
    slow_run(w, s, p, go);
    BOOST_REQUIRE(w.engine.store->insert(w.message({"a@local.test"})));
    s.queue_run(p);
    const auto starts = [&] {
      const std::string log = w.mainlog();
      return log.find("Start queue run", log.find("Start queue run") + 1) != std::string::npos;
    };
    for (int i = 0; i < 20; ++i) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(!starts());
    go = true;
    while (w.mailbox("a").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(starts());
    s.drain();
    w.on_command = nullptr;
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

/// From now on the host says nothing until `go`.
void keep_silent(World& w, const bool& go) {
  w.on_command = [&go](const std::string&) {
    while (!go && io::sleep_for(Millis(5))) {
    }
  };
}

BOOST_AUTO_TEST_CASE(a_slow_delivery_gives_its_slot_to_the_next) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1, Millis(50));
    bool go = false;
    keep_silent(w, go);
    const io::DeadlineScope limit(Seconds(60));
    auto slow = w.message({"x@remote.test"}), next = w.message({"a@local.test"});
    BOOST_REQUIRE(w.engine.store->insert(slow));
    BOOST_REQUIRE(w.engine.store->insert(next));
    const Instant began = monotonic_now();
    s.deliver(p, std::move(slow));  // without a pause: the second waits for a slot
    s.deliver(p, std::move(next));
    BOOST_TEST(s.running() == 1U);
    while (w.mailbox("a").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST((monotonic_now() - began >= Millis(50)));
    BOOST_TEST(w.messages == 0);
    go = true;
    s.drain();
    w.on_command = nullptr;
    BOOST_TEST(w.messages == 1);
  });
}

/// Keeps a command waiting until `go`.
class SlowCourier : public io::Courier {
 public:
  bool privileged() const override { return true; }
  Result<std::unique_ptr<io::Stream>> open(Seconds) override {
    ++asked;
    while (!go && io::sleep_for(Millis(5))) {
    }
    return fail(ErrorKind::closed, "nobody is there");
  }
  bool go = false;
  int asked = 0;
};

BOOST_AUTO_TEST_CASE(a_slow_command_keeps_its_slot) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    SlowCourier courier;
    w.services.local = &courier;
    daemon::Scheduler s(1, Millis(20));
    const io::DeadlineScope limit(Seconds(60));
    give(w, s, p, "cmd@local.test");
    while (courier.asked == 0) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    for (int i = 0; i < 3; ++i) give(w, s, p, "cmd@local.test");
    // Had it given its place away, these would be under way long before.
    for (int i = 0; i < 60; ++i) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(s.running() == 1U);
    // Nobody waits for ever: a queue run has slots of its own, and few of them.
    give(w, s, p, "a@local.test");
    while (w.mailbox("a").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(s.running() == 1U);
    courier.go = true;
    s.drain();
    BOOST_TEST(s.running() == 0U);
  });
}

BOOST_AUTO_TEST_CASE(slow_deliveries_are_bounded_and_a_queue_run_helps) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1, Millis(20));
    bool go = false;
    keep_silent(w, go);
    const io::DeadlineScope limit(Seconds(60));
    for (int i = 0; i < 8; ++i) give(w, s, p, "x@remote.test");
    while (s.running() < 8) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    give(w, s, p, "a@local.test");
    for (std::size_t most = 0; w.mailbox("a").empty(); most = s.running()) {
      BOOST_REQUIRE(most <= 8U);
      BOOST_REQUIRE(io::sleep_for(Millis(5)));
    }
    BOOST_TEST(w.mainlog().find("Start queue run") != std::string::npos);
    go = true;
    s.drain();
    w.on_command = nullptr;
  });
}

BOOST_AUTO_TEST_CASE(who_waited_is_looked_up_again) {
  in_world("", [](World& w) {
    const auto p = process_of(w);
    daemon::Scheduler s(1);
    std::vector<store::StoredMessage> messages;
    for (int i = 0; i < 6; ++i) {
      messages.push_back(w.message({i == 0 ? "c@local.test" : "a@local.test"}));
      BOOST_REQUIRE(w.engine.store->insert(messages.back()));
    }
    const auto copies = messages;
    for (auto& m : messages) s.deliver(p, std::move(m));  // without a pause: all but the first wait
    BOOST_TEST(s.running() == 1U);
    // Meanwhile another process works on them. In a thread, so that no fiber of ours gets its turn.
    std::thread([&] {
      store::StoreOptions o;
      o.directory = w.path;
      const auto other = store::Store::open(o).value();
      auto removed = copies[1], frozen = copies[2], tried = copies[3], readdressed = copies[4];
      BOOST_TEST(other->remove(removed.envelope.id, true).has_value());
      frozen.envelope.frozen = true;
      BOOST_TEST(other->update(frozen.envelope, 0).has_value());
      tried.envelope.deliver_first_time = false;
      BOOST_TEST(other->update(tried.envelope, wall_seconds() + 1000).has_value());
      readdressed.envelope.recipients[0].address = "b@local.test";
      BOOST_TEST(other->replace(readdressed, 0).has_value());
    }).join();
    const io::DeadlineScope limit(Seconds(60));
    while (s.running() != 0) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    BOOST_TEST(w.mailbox("c").size() == 1U);
    BOOST_TEST(w.mailbox("a").size() == 1U);  // the one nobody touched
    BOOST_TEST(w.mailbox("b").size() == 1U);
    BOOST_TEST(w.queued() == 2U);
    s.drain();
  });
}

BOOST_AUTO_TEST_CASE(what_is_late_is_ended_and_recorded_before_draining_returns) {
  in_world("", [](World& w) {
    w.server.cancel_all();
    BOOST_REQUIRE(w.server.join());  // connections are still made, but nobody says a word
    const auto p = process_of(w);
    p->engine.pool = std::make_shared<transports::ConnectionPool>();
    daemon::Scheduler s(2);
    auto m = w.message({"a@local.test", "x@remote.test"});
    BOOST_REQUIRE(w.engine.store->insert(m));
    s.deliver(p, std::move(m));
    const io::DeadlineScope limit(Seconds(60));
    while (w.mailbox("a").empty()) BOOST_REQUIRE(io::sleep_for(Millis(5)));
    {
      const io::DeadlineScope deadline(Millis(100));
      s.drain();
    }
    BOOST_TEST(s.running() == 0U);  // so nobody uses the connections any more
    const auto queue = w.engine.store->list(true).value();
    BOOST_REQUIRE(queue.size() == 1U);
    for (const auto& r : queue[0].recipients) BOOST_TEST(r.done == (r.address == "a@local.test"));
  });
}

BOOST_AUTO_TEST_SUITE_END()
