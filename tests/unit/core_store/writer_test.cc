// The committing thread: what is kept while the disk refuses, in which order, and what damaged pages hold up.
#include "core/store/writer.h"

#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <mutex>
#include <string>
#include <vector>

#include "tests/unit/core_store/store_fixture.h"

using namespace remex;
using namespace remex::store;
using remex::store::testing::Spool;

namespace {

/// Set by the writer thread, waited for by the test.
class Flag {
 public:
  void set() {
    const std::lock_guard lock(mutex_);
    set_ = true;
    changed_.notify_all();
  }
  /// False: not within a minute.
  bool wait() {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(60), [this] { return set_; });
  }
  bool is_set() {
    const std::lock_guard lock(mutex_);
    return set_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

constexpr auto kHint = Writer::About::hint;

}  // namespace

BOOST_AUTO_TEST_SUITE(writer_test)

BOOST_AUTO_TEST_CASE(with_a_long_queue_hints_are_dropped_and_nothing_else) {
  const Spool spool;
  BOOST_REQUIRE(spool.open());
  Flag begun, go, dropped, removed, recorded;
  Writer writer(spool.database(), false);
  writer.post(kHint, [&](Database&) {
    begun.set();
    go.wait();
    return Applied{};
  });
  BOOST_REQUIRE(begun.wait());
  const auto nothing = [](Database&) { return Applied{}; };
  for (int i = 0; i < 100000; ++i) writer.post(kHint, nothing);
  bool lost = false;
  writer.post(kHint, nothing, [&](bool committed) {
    lost = !committed;
    dropped.set();
  });
  BOOST_TEST(dropped.is_set());  // at once: it would be one too many
  BOOST_TEST(lost);
  bool kept = true;
  writer.post(Writer::About::removal, nothing, [&](bool committed) {
    kept = kept && committed;
    removed.set();
  });
  writer.post(Writer::About::outcome, nothing, [&](bool committed) {
    kept = kept && committed;
    recorded.set();
  });
  BOOST_TEST(!removed.is_set());
  BOOST_TEST(!recorded.is_set());
  go.set();
  BOOST_TEST(removed.wait());
  BOOST_TEST(recorded.wait());
  BOOST_TEST(kept);
}

BOOST_AUTO_TEST_CASE(what_meets_a_damaged_page_holds_up_nothing_and_turns_nothing_round) {
  const Spool spool;
  BOOST_REQUIRE(spool.open());
  int damaged = 0;  // of the writer thread, as the next two, until `done` is set
  std::vector<std::string> order;
  int tries[2] = {0, 0};
  Flag done;
  {
    Writer writer(spool.database(), false);
    writer.post(kHint, [&](Database&) {
      ++damaged;
      return Applied{SQLITE_CORRUPT, {}};
    });
    for (const int n : {0, 1})
      writer.post(
          kHint,
          [&, n](Database&) -> Applied {
            if (++tries[n] == 1) return {SQLITE_IOERR_WRITE, {}};  // the disk refuses for a moment
            order.push_back(n == 0 ? "old" : "new");
            return {};
          },
          [&, n](bool) {
            if (n == 1) done.set();
          });
    BOOST_REQUIRE(done.wait());
    // It was in the way of one batch, and alone thrice: it might have left out a part. What came behind went without
    // it.
    BOOST_TEST(damaged == 4);
    BOOST_TEST(order == (std::vector<std::string>{"old", "new"}), boost::test_tools::per_element());
    BOOST_REQUIRE(writer.flush());
    BOOST_TEST(damaged == 4);
  }
}

BOOST_AUTO_TEST_CASE(outcomes_that_a_full_disk_refuses_do_not_hold_up_removals) {
  const Spool spool;
  BOOST_REQUIRE(spool.open());
  Flag removed, recorded;
  bool room = false;  // of the writer thread
  Writer writer(spool.database(), false);
  writer.post(
      Writer::About::outcome, [&](Database&) { return Applied{room ? SQLITE_OK : SQLITE_FULL, {}}; },
      [&](bool committed) {
        BOOST_TEST(committed);
        recorded.set();
      });
  writer.post(
      Writer::About::removal,
      [&](Database&) {
        room = true;
        return Applied{};
      },
      [&](bool committed) {
        BOOST_TEST(committed);
        removed.set();
      });
  BOOST_TEST(removed.wait());
  BOOST_TEST(recorded.wait());
}

BOOST_AUTO_TEST_SUITE_END()
