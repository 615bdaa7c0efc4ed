// The command line as data: what goes together and what does not.
#include "core/cli/options.h"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "core/base/strings.h"

namespace remex::cli {
namespace {

Result<Options> parsed(const std::string& line) {
  std::vector<std::string> words = {"remex"};
  for (const auto word : split(line, ' ')) words.emplace_back(word);
  std::vector<char*> argv;
  for (auto& w : words) argv.push_back(w.data());
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

std::string error_of(const std::string& line) {
  const auto o = parsed(line);
  return o ? "" : o.error().text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(options_test)

BOOST_AUTO_TEST_CASE(two_things_at_once_are_refused) {
  const std::vector<std::string> tests = {"-bt", "-bv", "-bP", "-t"};
  std::vector<std::string> contradictory = {"-bs -f a@b.c",    "-f a@b.c -bS", "-bd -f a@b.c", "-q1h -bp",    "-bp -bd",
                                            "-t -q",           "-q -bs",       "-q -t",        "-be -bP",     "-bd -be",
                                            "-bh 1.2.3.4 -bP", "-brw -t",      "-bs -brw",     "-bi -bf x -t"};
  for (const auto& a : tests) {
    for (const auto& b : tests)
      if (a != b) contradictory.push_back(a + " " + b);
    for (const char* b : {"-bs", "-bS", "-bd", "-bdf", "-q30m", "-bi", "-bf x"}) {
      contradictory.push_back(a + " " + b);
      contradictory.push_back(std::string(b) + " " + a);
    }
  }
  for (const auto& line : contradictory)
    BOOST_TEST(error_of(line) == "remex: incompatible command-line options or arguments",
               line << ": " << error_of(line));
  for (const char* line :
       {"-bd -q30m", "-q -f a@b.c", "-bp -bs", "-bm -t", "-bm -bs", "-bV -bs", "-be -bs", "-bh 1.2.3.4 -bs", "-bt -q",
        "-bv -bvs", "-bs -bS", "-bt -f a@b.c", "-bs -oMa 1.2.3.4", "-qff -Rf x"})
    BOOST_TEST(error_of(line) == "", line);
}

BOOST_AUTO_TEST_CASE(behind_an_action_stand_ids) {
  const auto o = parsed("-Mrm -bs 1xV3Ed-0007o7-2H");
  BOOST_REQUIRE(o);
  BOOST_TEST((o->mode == Mode::message));
  BOOST_TEST((o->arguments == std::vector<std::string>{"-bs", "1xV3Ed-0007o7-2H"}));
  BOOST_TEST((parsed("-Mset 1xV3Ed-0007o7-2H -be")->mode == Mode::expand));
}

BOOST_AUTO_TEST_CASE(options_of_subcommands) {
  BOOST_TEST(error_of("check -Dlower=1") == "remex: macro name set by -D must start with an upper case letter");
  BOOST_TEST(error_of("queue -DA=1 -DA=2") == "remex: duplicated -D in command line");
  const auto o = parsed("queue -C/etc/remex.conf -DA=1 count");
  BOOST_REQUIRE(o);
  BOOST_TEST(o->config_file == "/etc/remex.conf");
  BOOST_TEST(o->macros.at("A") == "1");
  BOOST_TEST((o->arguments == std::vector<std::string>{"queue", "count"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace remex::cli
