// Fibers: scheduling, deadlines, cancellation, joining, exceptions, offload, signals.
#include "core/io/fiber.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <numeric>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "in_loop.h"

BOOST_TEST_DONT_PRINT_LOG_VALUE(remex::ErrorKind)

namespace remex::io {

BOOST_AUTO_TEST_SUITE(fiber)

BOOST_AUTO_TEST_CASE(run_loop_returns_the_value_of_main) {
  BOOST_TEST(!in_fiber());
  BOOST_TEST(!Loop::exists());
  BOOST_TEST(run_loop([] { return in_fiber() ? 7 : 1; }) == 7);
  BOOST_TEST(run_loop([] { return 3; }) == 3);
  BOOST_TEST(!Loop::exists());
  BOOST_CHECK_THROW(Loop::current(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(exception_of_main_comes_out) {
  BOOST_CHECK_THROW(run_loop([]() -> int { throw std::runtime_error("x"); }), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(thousands_of_fibers) {
  in_loop([] {
    int sum = 0;
    Nursery n;
    for (int i = 0; i < 5000; ++i) {
      n.spawn(
          "adder",
          [&sum, i] {
            for (int k = 0; k < 3; ++k) yield_fiber();
            must(sleep_for(Millis(i % 7)));
            sum += i;
          },
          StackSize::small);
    }
    BOOST_TEST(n.size() == 5000u);
    must(n.join());
    BOOST_TEST(sum == 5000 * 4999 / 2);
    BOOST_TEST(Loop::current().fibers() == 1u);
  });
}

BOOST_AUTO_TEST_CASE(a_timer_due_before_the_poll_does_not_wait_for_its_end) {
  in_loop([] {
    auto best = Instant::duration::max();  // of five, so that a busy machine does not spoil it
    for (int i = 0; i < 5; ++i) {
      const Instant before = monotonic_now();
      Nursery n;
      n.spawn("sleeper", [] { must(sleep_for(Millis(1))); });
      yield_fiber();    // it sleeps
      ::usleep(30000);  // and is due when the loop comes to look
      must(n.join());
      best = std::min(best, monotonic_now() - before);
    }
    BOOST_CHECK(best < Millis(800));  // without: until the next timer, a second at the least
  });
}

BOOST_AUTO_TEST_CASE(sleepers_wake_in_order_of_time) {
  in_loop([] {
    std::vector<int> order;
    bool late = true;  // the machine was busy and a fiber began after its time: that run shows nothing
    while (late) {
      order.clear();
      late = false;
      Nursery n;
      const Instant begin = monotonic_now();
      for (const int ms : {90, 30, 60, 10, 120}) {
        n.spawn("sleeper", [&, ms] {
          const DeadlineScope until(begin + Millis(ms));
          late = late || !check_interrupt();
          BOOST_CHECK(kind_of(Event().wait()) == ErrorKind::timed_out);
          order.push_back(ms);
        });
      }
      must(n.join());
    }
    BOOST_TEST((order == std::vector<int>{10, 30, 60, 90, 120}));
  });
}

BOOST_AUTO_TEST_CASE(deadline_takes_the_earlier_and_nests) {
  in_loop([] {
    const Instant outer = current_deadline();
    {
      const DeadlineScope a(Millis(30));
      const Instant inner = current_deadline();
      {
        const DeadlineScope longer(Seconds(100));
        BOOST_CHECK(current_deadline() == inner);
        const Instant before = monotonic_now();
        BOOST_CHECK(kind_of(sleep_for(Seconds(100))) == ErrorKind::timed_out);
        BOOST_CHECK(monotonic_now() - before < Seconds(60));
      }
      BOOST_CHECK(kind_of(sleep_for(Millis(1))) == ErrorKind::timed_out);  // passed: no wait at all
      BOOST_CHECK(kind_of(check_interrupt()) == ErrorKind::timed_out);
    }
    BOOST_CHECK(current_deadline() == outer);
    must(sleep_for(Millis(1)));
    must(check_interrupt());
  });
}

BOOST_AUTO_TEST_CASE(every_kind_of_wait_obeys_the_deadline) {
  in_loop([] {
    Event e;
    Semaphore s(0);
    Nursery n;
    Event forever;
    n.spawn("parked", [&] { (void)forever.wait(); });
    const DeadlineScope limit(Millis(20));
    BOOST_CHECK(kind_of(e.wait()) == ErrorKind::timed_out);
    BOOST_CHECK(kind_of(s.acquire()) == ErrorKind::timed_out);
    BOOST_CHECK(kind_of(n.join()) == ErrorKind::timed_out);
    s.release();  // the timed-out wait must not have swallowed it
    BOOST_TEST(s.available() == 1u);
    forever.set();
  });
}

BOOST_AUTO_TEST_CASE(cancellation_ends_waits_and_later_waits) {
  in_loop([] {
    Nursery n;
    std::vector<ErrorKind> seen;
    Event e;
    n.spawn("waiter", [&] {
      seen.push_back(kind_of(e.wait()));
      seen.push_back(kind_of(sleep_for(Millis(10000))));
    });
    n.spawn("never started", [&] { seen.push_back(kind_of(sleep_for(Millis(10000)))); });
    yield_fiber();
    n.cancel_all();
    must(n.join());
    BOOST_TEST(seen.size() == 3u);
    for (const ErrorKind k : seen) BOOST_CHECK(k == ErrorKind::cancelled);
  });
}

BOOST_AUTO_TEST_CASE(nursery_destructor_cancels_and_joins) {
  in_loop([] {
    int unwound = 0;
    struct Count {
      int& n;
      ~Count() { ++n; }
    };
    {
      Nursery n;
      for (int i = 0; i < 10; ++i) {
        n.spawn("long", [&] {
          const Count c{unwound};
          (void)sleep_for(Seconds(100));
        });
      }
      yield_fiber();
    }
    BOOST_TEST(unwound == 10);
  });
}

BOOST_AUTO_TEST_CASE(join_reports_a_throwing_fiber) {
  in_loop([] {
    Nursery n;
    n.spawn("bad", [] { throw std::runtime_error("broken invariant"); });
    n.spawn("odd", [] { throw 5; });
    n.spawn("good", [] {});
    const Status st = n.join();
    BOOST_REQUIRE(!st);
    BOOST_TEST(st.error().text == "fiber bad ended by an exception: broken invariant");
    must(n.join());  // reported once
  });
}

// Exceptions alive in several fibers at once, with switches between throw and handler.
BOOST_AUTO_TEST_CASE(exceptions_in_flight_are_per_fiber) {
  in_loop([] {
    Nursery n;
    int caught = 0;
    struct YieldsWhileUnwinding {
      ~YieldsWhileUnwinding() {
        BOOST_CHECK(std::uncaught_exceptions() == 1);
        yield_fiber();
        BOOST_CHECK(std::uncaught_exceptions() == 1);
      }
    };
    for (int i = 0; i < 50; ++i) {
      n.spawn("thrower", [&caught, i] {
        for (int k = 0; k < 5; ++k) {
          BOOST_CHECK(std::uncaught_exceptions() == 0);
          try {
            const YieldsWhileUnwinding y;
            throw i * 10 + k;
          } catch (const int v) {
            caught += v == i * 10 + k ? 1 : 0;
          }
          yield_fiber();
        }
      });
    }
    must(n.join());
    BOOST_TEST(caught == 250);
  });
}

BOOST_AUTO_TEST_CASE(event_wakes_all_and_stays_set) {
  in_loop([] {
    Event e;
    int woken = 0;
    Nursery n;
    for (int i = 0; i < 5; ++i) {
      n.spawn("w", [&] {
        must(e.wait());
        ++woken;
      });
    }
    yield_fiber();
    BOOST_TEST(woken == 0);
    e.set();
    must(n.join());
    BOOST_TEST(woken == 5);
    must(e.wait());
    e.clear();
    BOOST_TEST(!e.is_set());
  });
}

BOOST_AUTO_TEST_CASE(semaphore_limits_and_is_fair) {
  in_loop([] {
    Semaphore s(2);
    int inside = 0;
    int most = 0;
    std::vector<int> order;
    Nursery n;
    for (int i = 0; i < 8; ++i) {
      n.spawn("user", [&, i] {
        must(s.acquire());
        order.push_back(i);
        most = std::max(most, ++inside);
        must(sleep_for(Millis(2)));
        --inside;
        s.release();
      });
    }
    must(n.join());
    BOOST_TEST(most == 2);
    BOOST_TEST((order == std::vector<int>{0, 1, 2, 3, 4, 5, 6, 7}));
    BOOST_TEST(s.available() == 2u);
    BOOST_TEST(s.try_acquire());
    BOOST_TEST(s.try_acquire());
    BOOST_TEST(!s.try_acquire());
  });
}

BOOST_AUTO_TEST_CASE(offload_runs_on_threads_in_parallel) {
  BOOST_TEST(offload([] { return 5; }) == 5);  // outside a fiber: in place
  in_loop([] {
    const auto me = std::this_thread::get_id();
    std::atomic<int> inside = 0;
    std::atomic<bool> parallel = false;
    Nursery n;
    std::set<std::thread::id> ids;
    for (int i = 0; i < 4; ++i) {
      n.spawn("offloader", [&] {
        ids.insert(offload([&] {
          ++inside;
          for (int k = 0; k < 2000 && !parallel; ++k) {
            if (inside >= 4) parallel = true;
            ::usleep(1000);
          }
          return std::this_thread::get_id();
        }));
      });
    }
    must(n.join());
    BOOST_TEST(parallel.load());
    BOOST_TEST(ids.size() == 4u);
    BOOST_CHECK(!ids.contains(me));
    BOOST_CHECK_THROW(offload([]() -> int { throw std::out_of_range("x"); }), std::out_of_range);
  });
}

BOOST_AUTO_TEST_CASE(offload_is_waited_for_past_deadline_and_cancellation) {
  in_loop([] {
    bool done = false;
    Nursery n;
    n.spawn("job", [&] {
      const DeadlineScope soon(Millis(1));
      offload([] { ::usleep(30000); });
      done = true;
    });
    yield_fiber();
    n.cancel_all();
    must(n.join());
    BOOST_TEST(done);
  });
}

BOOST_AUTO_TEST_CASE(post_from_another_thread) {
  in_loop([] {
    Event e;
    Loop& loop = Loop::current();
    std::thread t([&] { post(loop, [&] { e.set(); }); });
    must(e.wait());
    t.join();
  });
}

BOOST_AUTO_TEST_CASE(stop_cancels_everything) {
  const int rc = run_loop([] {
    Nursery n;
    n.spawn("long", [] { (void)sleep_for(Seconds(1000)); });
    post(Loop::current(), [] { Loop::current().stop(); });
    return n.join() ? 1 : 42;
  });
  BOOST_TEST(rc == 42);
}

BOOST_AUTO_TEST_CASE(leaked_fibers_are_cancelled_when_main_ends) {
  ErrorKind seen = ErrorKind::failed;
  std::unique_ptr<Nursery> leaked;
  run_loop([&] {
    leaked = std::make_unique<Nursery>();
    leaked->spawn("leak", [&] { seen = kind_of(sleep_for(Seconds(1000))); });
    return 0;
  });
  BOOST_CHECK(seen == ErrorKind::cancelled);
}

BOOST_AUTO_TEST_CASE(signal_handler_runs_in_a_fiber) {
  in_loop([] {
    Event e;
    bool was_fiber = false;
    const SignalWatch watch(SIGUSR1, [&] {
      was_fiber = in_fiber();
      e.set();
    });
    ::kill(::getpid(), SIGUSR1);
    must(e.wait());
    BOOST_TEST(was_fiber);
  });
}

BOOST_AUTO_TEST_CASE(waiting_outside_a_fiber) {
  must(sleep_for(Millis(1)));
  const DeadlineScope d(Millis(5));
  BOOST_CHECK(kind_of(sleep_for(Seconds(60))) == ErrorKind::timed_out);
  Event e;
  BOOST_CHECK_THROW((void)e.wait(), std::logic_error);
}

BOOST_AUTO_TEST_CASE(deep_recursion_fits_the_large_stack) {
  in_loop([] {
    Nursery n;
    n.spawn("deep", [] {
      std::function<int(int)> down = [&](int k) -> int {
        volatile char pad[512] = {};
        return k == 0 ? pad[0] : down(k - 1) + 1;
      };
      BOOST_TEST(down(100) == 100);
    });
    must(n.join());
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::io
