// Macro definition, substitution and conditions.
#include <boost/test/unit_test.hpp>

#include "reader_fixture.h"

using namespace remex::lang;
using namespace remex::lang::test;

BOOST_AUTO_TEST_SUITE(macros)

BOOST_AUTO_TEST_CASE(substitution) {
  struct Row {
    const char *text, *value;
  };
  const Row rows[] = {
      {"FOO = x\nprimary_hostname = aFOOb.FOO", "axb.x"},
      {"FOO = x\nFOO == FOO y\nprimary_hostname = FOO", "x y"},
      {"A1 = B1\nB1 = z\nprimary_hostname = A1", "z"},
      {"B1 = z\nA1 = B1\nprimary_hostname = A1", "z"},  // replaced while A1 was defined
      {"AA = 1\nBB = 2 \\\n  3\nprimary_hostname = AABB", "12 3"},
      {"ABCD_XYZ = 1\nABCD = 2\nprimary_hostname = ABCD_XYZABCD", "12"},
      {".ifdef _OPT_MAIN_AUTO_THAW\nprimary_hostname = y\n.else\nprimary_hostname = n\n.endif", "y"},
      {".ifdef _OPT_MAIN_NONE\nprimary_hostname = y\n.else\nprimary_hostname = n\n.endif", "n"},
      {".ifdef _DRIVER_ROUTER_REDIRECT\nprimary_hostname = y\n.endif", "y"},
      {"A = 1\n.ifdef ABC\nprimary_hostname = y\n.endif", "y"},  // blind: A is a part of ABC
      {"X = 1\n.ifndef X\n.include /nonexistent\n.elifdef X\nprimary_hostname = y\n.else\n.ifdef X\n.endif\n.endif",
       "y"},
      {"C = #\nC nothing = here\nprimary_hostname = y", "y"},
      {"E =\nE\nprimary_hostname = y", "y"},
  };
  for (const Row& r : rows) {
    auto l = load(r.text);
    BOOST_TEST_REQUIRE(static_cast<bool>(l->config), r.text << "\n" << l->diag.render());
    BOOST_TEST(l->config->main.primary_hostname == r.value, r.text);
  }
}

BOOST_AUTO_TEST_CASE(command_line_wins) {
  LoadOptions opt;
  opt.macros["FOO"] = "cli";
  auto l = load("FOO = file\nFOO == again\nprimary_hostname = FOO", opt);
  BOOST_TEST_REQUIRE(static_cast<bool>(l->config), l->diag.render());
  BOOST_TEST(l->config->main.primary_hostname == "cli");
}

BOOST_AUTO_TEST_CASE(problems) {
  struct Row {
    const char *text, *codes;
  };
  const Row rows[] = {
      {"FOO = x\nFOO = y", "macro-defined-twice"},
      {"FOO = x\nFOOBAR = y", "macro-substring"},
      {"FOO == y", "macro-undefined"},
  };
  for (const Row& r : rows) BOOST_TEST(load(r.text)->codes() == r.codes, r.text);
}

BOOST_AUTO_TEST_CASE(growth_is_bounded) {
  std::string text = "M0A = xxxxxxxxxxxxxxxx\n";
  std::string use;
  text.clear();
  for (int i = 0; i < 40; ++i) {
    const std::string name = "M" + std::string(1, static_cast<char>('a' + i % 26)) + std::to_string(i) + "Z";
    const std::string next = "M" + std::string(1, static_cast<char>('a' + (i + 1) % 26)) + std::to_string(i + 1) + "Z";
    text += name + " = " + next + next + "\n";
  }
  text += "primary_hostname = Ma0Z\n";
  BOOST_TEST(load(text)->codes() == "line-too-long");
}

BOOST_AUTO_TEST_SUITE_END()
