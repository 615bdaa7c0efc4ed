// Log lines put together by message: what exigrep prints.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <ctime>

#include "core/cli/log_messages.h"

using namespace remex;
using namespace remex::cli;

BOOST_AUTO_TEST_SUITE(log_messages)

namespace {

const std::string kOne = "1xUnsX-0000000abcd-0ABC", kTwo = "1xUnsX-0000000abcd-0ABD",
                  kThree = "1xUnsY-0000000abcd-0ABD";

std::string at(int second, const std::string& text) {
  char date[40];
  (void)std::snprintf(date, sizeof date, "2026-11-21 10:00:%02d ", second);
  return date + text;
}

/// What is printed of `lines` when lines with `pattern` in them are wanted.
std::string grep(const std::vector<std::string>& lines, const std::string& pattern, GrepOptions o = {}) {
  std::string out;
  o.matches = [&pattern](const std::string& line) -> Result<bool> { return line.find(pattern) != std::string::npos; };
  LogMessages m(std::move(o), [&out](const std::string& text) { out += text; });
  for (const auto& l : lines) BOOST_REQUIRE(m.add(l).has_value());
  m.finish();
  return out;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& l : lines) out += l + "\n";
  return out + "\n";
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_line_is_read_in_every_form_of_the_log) {
  const std::string plain = kOne + " <= a@b.test";
  for (const std::string& line :
       {"2026-11-21 10:00:00 " + plain, "2026-11-21 10:00:00.123 " + plain, "2026-11-21 10:00:00 +0100 " + plain,
        "2026-11-21 10:00:00.5 -0330 [123] " + plain, "2026-11-21 10:00:00 [1] " + plain,
        "Nov 21 10:00:00 host remex[5]: 2026-11-21 10:00:00 " + plain, "Nov 21 10:00:00 host remex[5]: " + plain,
        "2026-11-21T10:00:00.5+00:00 host remex[5]: [1/2] " + plain}) {
    const LogLine l = read_log_line(line);
    BOOST_TEST(l.known, line);
    BOOST_TEST(l.id == kOne, line);
    BOOST_TEST(l.rest == "<= a@b.test", line);
  }
  BOOST_TEST(read_log_line("Nov 21 10:00:00 host remex[5]: 2026-11-21 10:00:00 x").text == "2026-11-21 10:00:00 x");
  BOOST_TEST(read_log_line("2026-11-21 10:00:00 1tabcd-000001-AA x").id == "1tabcd-000001-AA");  // ids before 4.97
  BOOST_TEST(read_log_line("2026-11-21 10:00:00 Start queue run: pid=1").known);
  BOOST_TEST(read_log_line("2026-11-21 10:00:00 Start queue run: pid=1").id.empty());
  for (const char* line : {"", " ", "no log line", "2026-11-21", "[5]: ", "x[]: y", "x[5x]: y", "2026-1-21 10:00:00 x"})
    BOOST_TEST(!read_log_line(line).known, line);
  for (const char* line : {"2026-11-21 10:00:00", "2026-11-21 10:00:00 ", "2026-11-21 10:00:00 [",
                           "2026-11-21 10:00:00 []", "2026-11-21 10:00:00."})
    BOOST_TEST(read_log_line(line).known, line);
}

BOOST_AUTO_TEST_CASE(times_have_a_zone_or_are_local) {
  const auto seconds = [](const std::string& line) { return read_log_line(line + " x").seconds; };
  BOOST_TEST(seconds("2026-11-21 10:00:00 +0000") == 1795255200);
  BOOST_TEST(seconds("2026-11-21 10:00:00 +0130") == 1795255200 - 5400);
  BOOST_TEST(seconds("2026-11-21 10:00:00.9 -0100") == 1795255200 + 3600);
}

BOOST_AUTO_TEST_CASE(the_lines_of_a_message_come_together_when_it_is_complete) {
  const std::string in1 = at(0, kOne + " <= a@one.test"), in2 = at(1, kTwo + " <= b@two.test"),
                    out1 = at(2, kOne + " => x@far.test"), end1 = at(3, kOne + " Completed"),
                    end2 = at(4, kTwo + " Completed QT=3s");
  const std::vector<std::string> log{in1, in2, out1, end1, end2};
  BOOST_TEST(grep(log, "far.test") == joined({in1, out1, end1}));
  BOOST_TEST(grep(log, "<=") == joined({in1, out1, end1}) + joined({in2, end2}));
  BOOST_TEST(grep(log, "nothing").empty());
  // The same id once more is another message (the logs of two servers in one file).
  BOOST_TEST(grep({in1, end1, in1, end1}, "one") == joined({in1, end1}) + joined({in1, end1}));
  BOOST_TEST(grep({in2, out1, in1}, "test") == "+++ " + kTwo + " has not completed +++\n" + joined({in2}) + "+++ " +
                                                   kOne + " has not completed +++\n" + joined({out1, in1}));
}

BOOST_AUTO_TEST_CASE(lines_of_no_message_stand_alone) {
  const std::string run = at(0, "Start queue run: pid=7"), in = at(1, kOne + " <= pid=7"),
                    end = at(2, kOne + " Completed");
  BOOST_TEST(grep({in, run, end, "pid=7 is no log line"}, "pid=7") == joined({run}) + joined({in, end}));
}

BOOST_AUTO_TEST_CASE(inverted_it_wants_lines_without_the_pattern) {
  const std::string in = at(1, kOne + " <= a"), end = at(2, kOne + " Completed"), other = at(3, kTwo + " <= a");
  GrepOptions o;
  o.invert = true;
  BOOST_TEST(grep({in, end, other}, "<= a", o) == joined({in, end}));
}

BOOST_AUTO_TEST_CASE(quick_messages_can_be_left_out) {
  const std::string in = at(1, kOne + " <= a"), end = at(11, kOne + " Completed"), other = at(3, kTwo + " <= a");
  // The ids are of a later time than the lines, so they do not say when the messages came.
  GrepOptions o;
  o.least_seconds = 9;
  BOOST_TEST(grep({in, end}, "a", o) == joined({in, end}));
  o.least_seconds = 10;
  BOOST_TEST(grep({in, end}, "a", o).empty());
  BOOST_TEST(grep({other}, "a", o) == "+++ " + kTwo + " has not completed +++\n" + joined({other}));
}

BOOST_AUTO_TEST_CASE(related_are_those_that_came_out_of_it) {
  const std::string in = at(1, kOne + " <= a@one.test"), bad = at(2, kOne + " ** x@far.test: no"),
                    bounce = at(2, kTwo + " <= <> R=" + kOne + " U=r"), again = at(3, kThree + " <= <> R=" + kTwo),
                    end2 = at(4, kTwo + " Completed"), end1 = at(5, kOne + " Completed");
  const std::vector<std::string> log{in, bad, bounce, again, end2, end1};
  GrepOptions o;
  BOOST_TEST(grep(log, "far.test", o) == joined({in, bad, end1}));
  o.related = true;
  BOOST_TEST(grep(log, "far.test", o) == joined({bounce, end2}) + joined({in, bad, end1}) + "+++ " + kThree +
                                             " has not completed +++\n" + joined({again}));
  BOOST_TEST(grep(log, "R=" + kOne, o) ==
             joined({bounce, end2}) + "+++ " + kThree + " has not completed +++\n" + joined({again}));
}

BOOST_AUTO_TEST_CASE(a_pattern_that_gives_up_is_an_error) {
  GrepOptions o;
  o.matches = [](const std::string&) -> Result<bool> { return fail("limit"); };
  LogMessages m(o, [](const std::string&) {});
  BOOST_TEST(!m.add(at(1, "x")).has_value());
}

BOOST_AUTO_TEST_SUITE_END()
