// How diagnostics look.
#include <fmt/format.h>
#include <boost/test/unit_test.hpp>

#include "lang/checks.h"
#include "lang/diagnostic_kinds.h"
#include "lang/diagnostics.h"

using namespace remex::lang;

BOOST_AUTO_TEST_SUITE(diagnostics)

BOOST_AUTO_TEST_CASE(rendering) {
  SourceFiles files;
  const FileId f = files.add("sample.conf", "a\nb\n  transprot = localdir\n");
  Diagnostics d(files);
  d.error("unknown-option", {f, 3, 3}, 9, "router \"local\": unknown option \"transprot\"",
          "did you mean \"transport\"?");
  BOOST_TEST(d.render() ==
             "error: router \"local\": unknown option \"transprot\" [E0203 unknown-option]\n"
             "  --> sample.conf:3:3\n"
             "  |\n"
             "3 |   transprot = localdir\n"
             "  |   ^^^^^^^^^ did you mean \"transport\"?\n");
  BOOST_TEST(d.one_line(d.all()[0]) == "router \"local\": unknown option \"transprot\" in line 3 of sample.conf");
}

BOOST_AUTO_TEST_CASE(sorted_limited_and_bounded) {
  SourceFiles files;
  const FileId f = files.add("x", "one\ntwo\n");
  Diagnostics d(files);
  d.error("b", {f, 2, 1}, 3, "second");
  d.error("a", {f, 1, 1}, 3, "first");
  d.warning("w", {f, 1, 2}, 1, "careful");
  const std::string text = d.render(1);
  BOOST_TEST(text.find("first") < text.find("careful"));
  BOOST_TEST(text.find("second") == std::string::npos);
  BOOST_TEST(text.find("... and 1 more error\n") != std::string::npos);
  for (int i = 0; i < 10000; ++i) d.error("n", {f, 1, 1}, 1, "again");
  BOOST_TEST(d.all().size() < 5000U);
  BOOST_TEST(d.error_count() == 10002U);
}

BOOST_AUTO_TEST_CASE(permissions) {
  SourceFiles files;
  const FileId f = files.add("x", "one\ntwo\nthree\nfour\n");
  Diagnostics d(files);
  d.error("unknown-option", {f, 1, 1}, 3, "errors stay");
  d.warning("list-injection", {f, 2, 1}, 3, "by code");
  d.warning("open-relay", {f, 2, 1}, 3, "another kind stays");
  d.hint("macro-unused", {f, 3, 1}, 3, "by name");
  d.warning("list-injection", {f, 4, 1}, 3, "another line stays");
  d.allow(f, 1, 2, "w0430", {f, 1, 1});
  d.allow(f, 3, 3, "macro-unused, W9999", {f, 3, 1});
  d.allow(f, 4, 4, "E0203", {f, 4, 1});
  d.allow(f, 4, 4, "W0533", {f, 4, 1});
  d.finish(true);
  std::string left;
  for (const Diagnostic& one : d.all()) left += one.code + " ";
  BOOST_TEST(left == "unknown-option open-relay list-injection allow-unknown allow-unknown allow-unused ");
  d.promote_warnings();
  BOOST_TEST(d.error_count() == 5U);
  BOOST_TEST(d.render_json().find("\"code\": \"W0534\", \"name\": \"open-relay\", \"severity\": \"error\"") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(kinds) {
  BOOST_TEST(find_diagnostic_kind("E0203") == find_diagnostic_kind("unknown-option"));
  BOOST_TEST(find_diagnostic_kind("e0203") != nullptr);
  BOOST_TEST(find_diagnostic_kind("E9999") == nullptr);
  for (const DiagnosticKind* k : all_diagnostic_kinds()) {
    BOOST_TEST(k->code.size() == 5U);
    BOOST_TEST(diagnostics_markdown().find(k->title) != std::string::npos);
    BOOST_TEST(explain_diagnostic(*k).starts_with(k->code));
  }
}

BOOST_AUTO_TEST_CASE(exploding_patterns) {
  for (const char* p : {"^(a+)+$", "^([a-z0-9]+)*\\.x$", "(x|a*)*y", "^(\\w+\\s?)+$", "^((a{2,})+b?)+$",
                        "(?:[^ ]+ ?)+!$", "^(.*)*;$", "^(a{1,3})+$"})
    BOOST_TEST(explosive_text(p).has_value(), p);
  for (const char* p : {"^a+$", "^(a+)$", "(ab+)+", "^(a+b)+$", "^([a-z]+\\.)+[a-z]+$", "(a++)+$", "(?>a+)+$",
                        "([^\\s]+\\s)*x", "[(]+[)]+", "\\(+\\)+", "^(foo|bar)+$", "(", "(a+)?"})
    BOOST_TEST(!explosive_text(p).has_value(), p);
}

BOOST_AUTO_TEST_CASE(foreign_bytes_and_odd_places) {
  SourceFiles files;
  const FileId f = files.add("x", fmt::format("{:a>300}\x1b[2J{:b>300}", "", ""));
  Diagnostics d(files);
  d.error("c", {f, 1, 301}, 4000000000U, "control");
  d.error("o", {f, 9, 77}, 3, "no such line");
  d.error("n", {}, 0, "no place");
  const std::string text = d.render();
  BOOST_TEST(text.find('\x1b') == std::string::npos);
  BOOST_TEST(text.size() < 2000U);
}

BOOST_AUTO_TEST_CASE(origins) {
  SourceText t("abc", {1, 1, 5});
  t.append("def", {1, 2, 3});
  t.append_fixed("XYZ", {1, 9, 9});
  BOOST_TEST(t.at(2).column == 7U);
  BOOST_TEST(t.at(4).line == 2U);
  BOOST_TEST(t.at(4).column == 4U);
  BOOST_TEST(t.at(8).column == 9U);
  const SourceText part = t.substr(4, 4);
  BOOST_TEST(part.text() == "efXY");
  BOOST_TEST(part.at(1).column == 5U);
  BOOST_TEST(part.at(3).line == 9U);
}

BOOST_AUTO_TEST_SUITE_END()
