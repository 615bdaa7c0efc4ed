// Requests to the courier: their time limits, and that answers are either taken or cannot be given.
#include "core/io/courier.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "in_loop.h"

BOOST_TEST_DONT_PRINT_LOG_VALUE(remex::ErrorKind)

namespace remex::io {
namespace {

namespace fs = std::filesystem;

struct TempDir {
  fs::path path;
  TempDir() {
    std::string t = (fs::temp_directory_path() / "remex-courier-XXXXXX").string();
    path = ::mkdtemp(t.data());
  }
  ~TempDir() {
    std::error_code ec;
    fs::remove_all(path, ec);
  }
};

/// Until the asking side is gone.
void wait_for_end(int fd) {
  pollfd p{fd, 0, 0};
  while (::poll(&p, 1, 60'000) == 0 || (p.revents & POLLHUP) == 0) {
  }
}

/// What a child does, as the field "do" says.
void work(int fd, bool privileged) {
  const auto f = read_fields(fd);
  if (!f) return;
  if (f->at("do") == "answer") {
    (void)write_fields(fd, {{"a", f->at("a")}, {"privileged", privileged ? "yes" : "no"}});
  } else if (f->at("do") == "last") {
    for (;;) ::pause();
  } else {
    sigset_t alarm;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    (void)pthread_sigmask(SIG_BLOCK, &alarm, nullptr);
    wait_for_end(fd);
    const std::string& mark = f->at("mark");
    while (f->contains("go") && !fs::exists(f->at("go"))) ::usleep(10'000);
    std::ofstream(mark + ".new") << (write_fields(fd, {{"done", "1"}}) ? "told" : "not told");
    fs::rename(mark + ".new", mark);
  }
}

/// A courier process is started before there is a loop.
std::shared_ptr<Courier> started;
struct StartCourier {
  StartCourier() {
    started = must(start_courier_process(work, [] {}));
  }
  ~StartCourier() { started.reset(); }
};
BOOST_TEST_GLOBAL_FIXTURE(StartCourier);

}  // namespace

BOOST_AUTO_TEST_SUITE(courier)

BOOST_AUTO_TEST_CASE(a_child_answers) {
  in_loop([&] {
    const Fields want = {{"a", "1"}, {"privileged", "yes"}};
    BOOST_TEST((must(started->call({{"do", "answer"}, {"a", "1"}}, Seconds(60))) == want));
  });
}

BOOST_AUTO_TEST_CASE(a_late_child_is_ended) {
  in_loop([&] {
    const auto answer = started->call({{"do", "last"}}, Seconds(1));
    BOOST_REQUIRE(!answer);
    BOOST_TEST(answer.error().text == "the delivery process ended without an answer");
  });
}

BOOST_AUTO_TEST_CASE(a_child_that_puts_things_right_is_left_to_it) {
  const TempDir t;
  const std::string mark = t.path / "mark";
  in_loop([&] {
    const auto answer = started->call({{"do", "undo"}, {"mark", mark}}, Seconds(1));
    BOOST_REQUIRE(!answer);
    BOOST_TEST(answer.error().text == "the delivery process did not end within 1 s");
    while (!fs::exists(mark)) must(sleep_for(Millis(10)));
    std::ifstream file(mark);
    std::string text;
    std::getline(file, text);
    BOOST_TEST(text == "not told");
  });
}

BOOST_AUTO_TEST_CASE(an_answer_that_came_is_taken_by_one_who_waits_no_longer) {
  const auto c = make_thread_courier([](int fd, bool) {
    (void)read_fields(fd);
    (void)write_fields(fd, {{"done", "1"}});
    wait_for_end(fd);
  });
  in_loop([&] {
    const auto answer = c->call({}, Seconds(60), [](Stream& s) -> Status {
      must(s.wait_readable());
      return fail(ErrorKind::cancelled, "stopped");  // as a wait of the last write may say
    });
    BOOST_REQUIRE(answer);
    BOOST_TEST(answer->contains("done"));
  });
}

BOOST_AUTO_TEST_CASE(a_message_that_cannot_be_sent_is_not_waited_for) {
  const auto c = make_thread_courier([](int fd, bool) {
    (void)read_fields(fd);
    char more[1];
    (void)!::read(fd, more, 1);
  });
  in_loop([&] {
    const Instant begin = monotonic_now();
    const auto answer = c->call({}, Seconds(60), [](Stream&) { return fail("no such body"); });
    BOOST_REQUIRE(!answer);
    BOOST_TEST(answer.error().text == "no such body");
    BOOST_TEST((monotonic_now() - begin < Seconds(60)));
  });
}

// The last: there is no courier after it.
BOOST_AUTO_TEST_CASE(it_has_time_when_the_asking_process_ends_too) {
  constexpr Seconds kLonger{17};  // than children have that were not told to end
  const TempDir t;
  const std::string mark = t.path / "mark", go = t.path / "go";
  in_loop([&] {
    const auto answer = started->call({{"do", "undo"}, {"mark", mark}, {"go", go}}, Seconds(1));
    BOOST_REQUIRE(!answer);
    const pid_t process = started->process();
    started.reset();
    // A child that is killed is the courier's last, and it ends.
    const Instant end = monotonic_now() + kLonger;
    while (monotonic_now() < end && ::waitpid(process, nullptr, WNOHANG) == 0) must(sleep_for(Millis(50)));
    BOOST_TEST((monotonic_now() >= end));
    std::ofstream(go).put('x');
    while (monotonic_now() < end + Seconds(30) && !fs::exists(mark)) must(sleep_for(Millis(10)));
    BOOST_TEST(fs::exists(mark));
  });
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::io
