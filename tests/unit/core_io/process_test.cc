// Child processes: output, input, ends, limits, time-outs.
#include "core/io/process.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>

#include "in_loop.h"

BOOST_TEST_DONT_PRINT_LOG_VALUE(remex::ErrorKind)

namespace remex::io {
namespace {

ProcessSpec shell(std::string script) {
  return {.argv = {"/bin/sh", "-c", std::move(script)}, .environment = {"PATH=/usr/bin:/bin"}};
}

std::size_t open_descriptors() {
  std::size_t n = 0;
  DIR* d = ::opendir("/proc/self/fd");
  while (::readdir(d) != nullptr) ++n;
  ::closedir(d);
  return n;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(process)

BOOST_AUTO_TEST_CASE(output_input_and_environment) {
  in_loop([] {
    auto spec = shell("cat; echo err >&2; echo $X; pwd; exit 3");
    spec.input = "in\n";
    spec.environment.emplace_back("X=y z");
    spec.directory = "/";
    const auto r = must(run_process(spec));
    BOOST_TEST(r.output == "in\nerr\ny z\n/\n");
    BOOST_TEST(r.exit_code == 3);
    BOOST_TEST(r.signal == 0);
    spec.merge_stderr = false;
    BOOST_TEST(must(run_process(spec)).output == "in\ny z\n/\n");
  });
  BOOST_TEST(must(run_process(shell("echo no loop"))).output == "no loop\n");
}

BOOST_AUTO_TEST_CASE(ended_by_a_signal) {
  in_loop([] {
    const auto r = must(run_process(shell("kill -TERM $$")));
    BOOST_TEST(r.signal == SIGTERM);
    BOOST_TEST(r.exit_code == -1);
  });
}

BOOST_AUTO_TEST_CASE(output_is_bounded_and_unread_input_is_no_error) {
  in_loop([] {
    auto spec = shell("head -c 3000000 /dev/zero");
    spec.max_output = 1000;
    spec.input = std::string(2 << 20, 'x');
    const auto r = must(run_process(spec));
    BOOST_TEST(r.output.size() == 1000u);
    BOOST_TEST(r.truncated);
    BOOST_TEST(r.exit_code == 0);
  });
}

BOOST_AUTO_TEST_CASE(failures_to_start) {
  in_loop([] {
    const std::size_t before = open_descriptors();
    BOOST_CHECK(kind_of(run_process({.argv = {"/nonexistent/program"}})) == ErrorKind::not_found);
    const auto r = run_process({.argv = {"/etc/passwd"}});
    BOOST_CHECK(kind_of(r) == ErrorKind::failed);
    BOOST_TEST(r.error().sys_errno == EACCES);
    BOOST_CHECK(kind_of(run_process({})) == ErrorKind::failed);
    BOOST_TEST(open_descriptors() <= before + 3);  // the loop's own epoll and signal descriptors may be new
  });
}

BOOST_AUTO_TEST_CASE(deadline_kills_the_whole_group) {
  in_loop([] {
    const Instant start = monotonic_now();
    {
      const DeadlineScope d(Millis(100));
      const auto r = run_process(shell("sleep 1000 & sleep 1000"));
      BOOST_CHECK(kind_of(r) == ErrorKind::timed_out);
      BOOST_TEST(r.error().text == "/bin/sh timed out and was killed");
    }
    BOOST_CHECK(monotonic_now() - start < Seconds(60));
    Nursery n;
    ErrorKind seen{};
    n.spawn("runner", [&] { seen = kind_of(run_process(shell("sleep 1000"))); });
    yield_fiber();
    yield_fiber();
    n.cancel_all();
    must(n.join());
    BOOST_CHECK(seen == ErrorKind::cancelled);
  });
}

BOOST_AUTO_TEST_CASE(a_grandchild_that_keeps_the_pipe_does_not_hold_us) {
  in_loop([] {
    const Instant start = monotonic_now();
    const auto r = must(run_process(shell("echo $$; sleep 300 &")));
    BOOST_CHECK(monotonic_now() - start < Seconds(100));
    ::kill(-std::atoi(r.output.c_str()), SIGKILL);
  });
}

BOOST_AUTO_TEST_CASE(programs_get_the_former_descriptor_limit) {
  rlimit saved{}, now{};
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &saved) == 0);
  BOOST_REQUIRE(saved.rlim_max > 100);
  rlimit few = saved;
  few.rlim_cur = 100;
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
  BOOST_TEST(raise_descriptor_limit() == saved.rlim_max);
  BOOST_REQUIRE(::getrlimit(RLIMIT_NOFILE, &now) == 0);
  BOOST_TEST(now.rlim_cur == saved.rlim_max);
  in_loop([] {
    ProcessSpec spec = shell("read x; ulimit -n");  // its input comes when it has the limit
    spec.input = "go\n";
    BOOST_TEST(must(run_process(spec)).output == "100\n");
  });
  BOOST_REQUIRE(::setrlimit(RLIMIT_NOFILE, &saved) == 0);
}

BOOST_AUTO_TEST_CASE(many_at_once_are_all_reaped) {
  in_loop([] {
    Nursery n;
    int good = 0;
    for (int i = 0; i < 30; ++i) {
      n.spawn("runner", [&good, i] {
        if (must(run_process(shell("exit " + std::to_string(i)))).exit_code == i) ++good;
      });
    }
    must(n.join());
    BOOST_TEST(good == 30);
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::io
