// When the master starts a worker again, and how it tells of the end of one. The processes themselves:
// tests/e2e/processes.py.
#include "core/daemon/supervisor.h"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "core/daemon/worker_link.h"

using namespace remex;
using daemon::Report;

BOOST_AUTO_TEST_SUITE(supervisor)

BOOST_AUTO_TEST_CASE(at_once_then_later_and_later) {
  daemon::RestartDelay d;
  for (const int want : {0, 1, 2, 4, 8, 16, 32, 60, 60, 60}) BOOST_TEST(d.next(Millis(500)).count() == want * 1000);
  BOOST_TEST(d.next(Millis(60'000)).count() == 0);  // that one was well
  BOOST_TEST(d.next(Millis(59'999)).count() == 1000);
}

BOOST_AUTO_TEST_CASE(an_end_is_told_in_words) {
  BOOST_TEST(daemon::describe_end(SIGKILL) == "was killed by signal 9 (Killed)");
  BOOST_TEST(daemon::describe_end(SIGSEGV | 0x80) == "was killed by signal 11 (Segmentation fault, core dumped)");
  BOOST_TEST(daemon::describe_end(73 << 8) == "ended with status 73");
}

BOOST_AUTO_TEST_CASE(reports_are_one_byte_and_others_are_skipped) {
  auto link = daemon::make_worker_link();
  BOOST_REQUIRE(link);
  BOOST_TEST(!daemon::receive_report(link->master).has_value());
  (void)::send(link->worker, "xyz", 3, MSG_NOSIGNAL);
  (void)::send(link->worker, "", 0, MSG_NOSIGNAL);
  daemon::send_report(link->worker, Report::alive);
  daemon::send_report(link->worker, Report::reloaded);
  // An empty packet looks like the end and costs no more than a turn.
  auto got = daemon::receive_report(link->master);
  if (!got) got = daemon::receive_report(link->master);
  BOOST_TEST((got == Report::alive));
  BOOST_TEST((daemon::receive_report(link->master) == Report::reloaded));
  // A master that does not read stops nobody.
  for (int i = 0; i < 100'000; ++i) daemon::send_report(link->worker, Report::alive);
  ::close(link->worker);
  int n = 0;
  while (daemon::receive_report(link->master)) ++n;
  BOOST_TEST(n > 0);
  ::close(link->master);
}

BOOST_AUTO_TEST_SUITE_END()
