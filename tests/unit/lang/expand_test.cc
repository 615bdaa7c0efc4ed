// Expansions: every example of every entry, taint, scoping, diagnostics, limits.
#include <boost/test/unit_test.hpp>

#include "lang/config.h"
#include "lang/diagnostics.h"
#include "lang/expand.h"
#include "lang/node.h"
#include "lang/scope.h"

using namespace remex;
using namespace remex::lang;

namespace {

struct Fixture {
  Config config;
  Scope scope;
  Fixture() {
    config.registries = make_language_registries();
    config.main.primary_hostname = "mail.example.org";
    scope.config = &config;
  }
  std::string run(std::string_view text) {
    auto r = expand_once(text, scope);
    return r ? r->str() : "Failed: " + r.error().text;
  }
};

template <class Def>
void check_examples(const std::vector<const Def*>& defs) {
  for (const Def* d : defs) {
    for (const Example& e : d->examples) {
      if (e.where != Where::usual) continue;  // tests/golden/examples.py
      Fixture f;
      const auto r = expand_once(e.input, f.scope);
      BOOST_TEST_CONTEXT(d->name << ": " << e.input) {
        if (e.error == nullptr) {
          BOOST_TEST((r ? r->str() : "Failed: " + r.error().text) == e.output);
        } else {
          BOOST_REQUIRE(!r);
          BOOST_TEST(r.error().text.find(e.error) != std::string::npos, r.error().text);
        }
      }
    }
  }
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(expand, Fixture)

BOOST_AUTO_TEST_CASE(examples_hold) {
  check_examples(config.registries->operators);
  check_examples(config.registries->items);
  check_examples(config.registries->conditions);
}

BOOST_AUTO_TEST_CASE(entries_are_complete) {
  const Registries& r = *config.registries;
  for (const auto* d : r.operators)
    BOOST_TEST((d->state == State::later || d->apply || d->apply_text || d->in_place), d->name);
  for (const auto* d : r.items) BOOST_TEST((d->state == State::later || d->eval), d->name);
  for (const auto* d : r.conditions) BOOST_TEST((d->state == State::later || d->test), d->name);
  for (const auto* d : r.variables) BOOST_TEST((d->state == State::later || d->get), d->name);
}

BOOST_AUTO_TEST_CASE(operators_keep_taint) {
  for (const OperatorDef* d : config.registries->operators) {
    if (d->state == State::later || (d->apply == nullptr && d->in_place == nullptr)) continue;
    std::string name(d->name);
    if (d->min_args > 0) name += "_1";
    for (const char* input : {"a@b", "12", "YWJj"}) {
      scope.value = Text::tainted(input);
      const auto r = expand_once("${" + name + ":$value}", scope);
      if (!r) continue;
      BOOST_TEST(r->is_tainted() == (d->taint != TaintRule::cleans), name);
    }
  }
}

BOOST_AUTO_TEST_CASE(sinks_refuse_tainted_names) {
  for (const char* text : {"${readfile{$value}}", "${stat:$value}", "${expand:$value}", "${if exists{$value}}",
                           "${run{$value}}", "${run,preexpand{/bin/echo $value}}", "${listnamed:$value}"}) {
    scope.value = Text::tainted("/etc/hostname");
    const auto r = expand_once(text, scope);
    BOOST_REQUIRE_MESSAGE(!r, text);
    BOOST_TEST((r.error().kind == ErrorKind::taint), text << ": " << r.error().text);
  }
}

BOOST_AUTO_TEST_CASE(data_is_expanded_once_only) {
  scope.value = Text::tainted("${lc:ABC}");
  BOOST_TEST(run("${map{$value}{$item}}").find("lc") != std::string::npos);
  BOOST_TEST(run("${if match{x}{$value}{y}{n}}") == "n");
  scope.value = Text::tainted("${eval:1}");
  BOOST_TEST(run("${if >{$value}{1}{y}{n}}") == "Failed: integer expected but \"${eval:1}\" found");
}

BOOST_AUTO_TEST_CASE(values_and_captures_are_restored) {
  BOOST_TEST(run("${if match{abc}{^(a)}{$1}{n}}|$1") == "a|");
  scope.value = Text("outer");
  BOOST_TEST(run("${extract{1}{:}{a:b}{$value}}|$value") == "a|outer");
  BOOST_TEST(run("${map{a:b}{$item}}|$item") == "a:b|");
}

BOOST_AUTO_TEST_CASE(regular_expressions_have_limits) {
  scope.value = Text::tainted(std::string(100 * 1024, 'a') + "!");
  BOOST_TEST(
      run("${if match{$value}{\\N(a+)+$\\N}{y}{n}}").starts_with("Failed: regular expression could not be matched"));
}

BOOST_AUTO_TEST_CASE(growth_and_nesting_are_bounded) {
  std::string list;
  for (int i = 0; i < 1 << 19; ++i) list += "a:";
  scope.value = Text(std::move(list));
  BOOST_TEST(run("${map{$value}{xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx}}").substr(0, 60) ==
             "Failed: expansion result is too long");
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += "${lc:";
  BOOST_TEST(run(deep) == "Failed: expansion is nested too deeply");
}

BOOST_AUTO_TEST_CASE(diagnostics_have_place_and_hint) {
  SourceFiles files;
  const FileId id = files.add("x.conf", "data = ${lcc:ABC}\n");
  Diagnostics diag(files);
  CompileContext ctx{config.registries.get(), &diag, "router \"a\": option \"data\""};
  BOOST_TEST(!Expansion::compile(SourceText("${lcc:ABC}", Pos{id, 1, 8}), ctx));
  BOOST_REQUIRE(diag.error_count() == 1U);
  BOOST_TEST(diag.all()[0].code == "unknown-operator");
  BOOST_TEST(diag.all()[0].pos.column == 10U);
  BOOST_TEST(diag.all()[0].hint == "did you mean \"lc\"?");
}

BOOST_AUTO_TEST_CASE(headers_are_inserted) {
  mail::HeaderList headers;
  headers.add("Subject: =?utf-8?q?caf=C3=A9?=\n");
  headers.add("To: a@b\n");
  headers.add("To: c@d\n");
  scope.headers = &headers;
  BOOST_TEST(run("$h_subject: x") == "caf\xC3\xA9 x");
  BOOST_TEST(run("${lc:$rh_Subject:}") == " =?utf-8?q?caf=c3=a9?=");
  BOOST_TEST(run("$h_to:") == "a@b,\nc@d");
  BOOST_TEST(run("$lh_to:") == "a@b:c@d");
  BOOST_TEST(run("${if def:h_to:{y}{n}}${if def:h_cc:{y}{n}}") == "yn");
  BOOST_TEST(run("${lc:$h_to}") == "Failed: missing } at end of string - could be header name not terminated by colon");
  BOOST_TEST(expand_once("$h_to:", scope)->is_tainted());
}

BOOST_AUTO_TEST_SUITE_END()
