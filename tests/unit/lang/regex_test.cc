// Regular expressions: the machine code that a pattern becomes after some uses says what the interpreter said, and is
// made beside the pattern, which other threads may be matching with at that moment.
#include "lang/regex.h"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>

namespace remex::lang {

BOOST_AUTO_TEST_SUITE(regex)

BOOST_AUTO_TEST_CASE(machine_code_says_what_the_interpreter_said) {
  const struct {
    const char *pattern, *subject;
    bool matches;
  } cases[] = {{"^(a+)(b)?(c)$", "aac", true},
               {"(?<=x)y\\K", "xyz", true},
               {"^(a+)+$", "aaaaaaaaaaaaaaaab", false},
               {"(?i)^From: (.*) <", "FROM: Joe <j@x>", true},
               {"", "", true},
               {"(\\d)(\\d)(\\d)(\\d)(\\d)(\\d)(\\d)(\\d)(\\d)(\\d)(\\d)(\\d)", "012345678901", true}};
  for (const auto& c : cases) {
    const auto re = Regex::compile(c.pattern);
    BOOST_REQUIRE(re.has_value());
    Regex::Spans first, later;
    const auto interpreted = (*re)->search(c.subject, &first);
    BOOST_REQUIRE(interpreted.has_value());
    BOOST_TEST(*interpreted == c.matches, c.pattern);
    for (int use = 0; use < 20; ++use) {
      later.clear();
      const auto again = (*re)->search(c.subject, &later);
      BOOST_REQUIRE(again.has_value());
      BOOST_TEST(*again == c.matches, c.pattern);
      BOOST_CHECK(later == first);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_pattern_in_several_threads) {
  // Each round has a fresh pattern, whose machine code is made while others match. The subject needs more than the
  // little stack that a match without one of its own has: a pattern that was changed under them fails.
  const std::string subject(3000, 'a');
  std::atomic<int> wrong = 0;
  for (int round = 0; round < 60; ++round) {
    const auto re = Regex::compile("^(?:(a)|(b)|(c))+x?$");
    BOOST_REQUIRE(re.has_value());
    std::atomic<int> ready = 0;
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        ++ready;
        while (ready < 4) std::this_thread::yield();
        for (int use = 0; use < 8; ++use) {
          Regex::Spans spans;
          const auto hit = (*re)->search(subject, &spans);
          if (!hit || !*hit || spans.at(0) != std::pair<std::size_t, std::size_t>(0, subject.size())) ++wrong;
        }
      });
    for (std::thread& t : threads) t.join();
  }
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::lang
