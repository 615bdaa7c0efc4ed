// The evaluator's short cuts say what the long way says: operators that work in place, arguments that are seen where
// they stand, memory that is used again.
#include <boost/test/unit_test.hpp>

#include "lang/config.h"
#include "lang/expand.h"
#include "lang/list.h"
#include "lang/node.h"
#include "lang/operand.h"
#include "lang/scope.h"

using namespace remex;
using namespace remex::lang;

namespace {

struct Fixture {
  Config config;
  Scope scope;
  std::map<std::string, Text> acl_m;
  Fixture() {
    config.registries = make_language_registries();
    scope.config = &config;
    scope.acl_m = &acl_m;
  }
  Result<Text> eval(std::string_view text) { return expand_once(text, scope); }
  std::string run(std::string_view text) {
    auto r = eval(text);
    return r ? r->str() : "Failed: " + r.error().text;
  }
};

constexpr std::string_view kLong = "a-value-that-is-longer-than-any-short-string";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(evaluation, Fixture)

BOOST_AUTO_TEST_CASE(operators_in_place_are_the_same_wherever_they_stand) {
  for (const OperatorDef* d : config.registries->operators) {
    if (d->in_place == nullptr) continue;
    BOOST_TEST((d->taint == TaintRule::keeps), d->name);
    const std::string name = std::string(d->name) + (d->min_args > 0 ? "_3" : "");
    for (const char* input : {"", "12", "7+1", "joe@a.example", "Joe <joe@a.example>", "a\"b\\c\nd", "\x01\x7f",
                              "caf\xc3\xa9", "a longer text with blanks: (more) than fits"}) {
      scope.value = Text(input);
      const auto alone = eval("${" + name + ":$value}"),
                 behind = eval("text" + std::string("${") + name + ":$value}$value");
      BOOST_REQUIRE_EQUAL(alone.has_value(), behind.has_value());
      if (!alone) continue;
      BOOST_TEST(behind->str() == "text" + alone->str() + input, name);
      BOOST_TEST(!alone->is_tainted());
      scope.item = Text::tainted("x");
      const auto mixed = eval("$item${" + name + ":$value}");
      BOOST_TEST((mixed && mixed->is_tainted() && mixed->str() == "x" + alone->str()), name);
    }
  }
}

BOOST_AUTO_TEST_CASE(quoting_is_remembered_for_quoted_parts_only) {
  scope.value = Text::tainted("a b");
  BOOST_TEST(eval("${quote:$value}")->quoter() == kQuotedPlainly);
  BOOST_TEST(eval("x${quote:$value}y")->quoter() == kQuotedPlainly);
  BOOST_TEST(eval("$value${quote:$value}")->quoter() == 0);
  BOOST_TEST(eval("${quote:$value}$value")->quoter() == 0);
  BOOST_TEST(eval("${quote:$value}${lc:$value}")->quoter() == 0);
  BOOST_TEST(eval("${lc:${quote:$value}}")->quoter() == 0);
  BOOST_TEST(eval("${quote:$value}${lc:TRUSTED}")->quoter() == kQuotedPlainly);
  BOOST_TEST(eval("${map{$value}{${quote:$item}}}")->quoter() == kQuotedPlainly);
  BOOST_TEST(eval("${map{$value}{${lc:$item}}}")->is_tainted());
  BOOST_TEST(!eval("${map{$value}{x}}")->is_tainted());
}

BOOST_AUTO_TEST_CASE(arguments_survive_what_is_evaluated_behind_them) {
  scope.item = Text(kLong.data());
  scope.value = Text("b");
  // The second argument moves $item (and $value) away while it is evaluated.
  BOOST_TEST(run("${if eq{$item}{${map{x:y}{$item}}}{y}{n}}") == "n");
  BOOST_TEST(run("${if eq{$item}{${reduce{x:y}{}{$item}}}{y}{n}}") == "n");
  BOOST_TEST(run("${if eq{$value}{${extract{1}{:}{b:c}{$value}}}{y}{n}}") == "y");
  BOOST_TEST(run("${if eq{$value}{${reduce{a:b}{x}{$value$item}}}{y}{n}}") == "n");
  BOOST_TEST(run("${if eq{$item}{" + std::string(kLong) + "}{y}{n}}") == "y");
  BOOST_TEST(run("${map{a:b}{$item=${map{c:d}{$item}}=$item}}") == "a=c::d=a:b=c::d=b");
  BOOST_TEST(run("${reduce{$value:c}{}{$value$item}}") == "bc");
  BOOST_TEST(run("${reduce{$item}{x}{$value}}") == "x");
  scope.value = Text("1:2:3");
  BOOST_TEST(run("${reduce{$value}{0}{$item}}") == "3");
  BOOST_TEST(run("${if inlist{2}{$value}{$value}{n}}") == "2");
  BOOST_TEST(run("${listextract{2}{$value}{<$value>}}$value") == "<2>1:2:3");
  BOOST_TEST(run("${extract{-1}{:}{$value}{$value}}$value") == "31:2:3");
  BOOST_TEST(run("${sg{$value}{:}{\\N${map{a:b}{$item}}\\N}}") == "1a:b2a:b3");
}

BOOST_AUTO_TEST_CASE(captures_belong_to_their_condition) {
  scope.captures = {Text("outer"), Text("first")};
  BOOST_TEST(run("${if match{abcd}{b(.)(.)}{$1$2}}$1") == "cdfirst");
  BOOST_TEST(run("${map{ab:cd}{${if match{$item}{^(.)}{$1}}}}$1") == "a:cfirst");
  BOOST_TEST(run("${if match{abcd}{b(.)(x)?}{$1<$2>}}") == "c<>");
  BOOST_TEST(run("${if match{x}{(y)}{$1}{$1}}") == "first");
  BOOST_TEST(run("${sg{abc}{(b)}{<\\$1>}}$1") == "a<b>cfirst");
  BOOST_TEST(run("${if match_domain{a.b.c}{*.c}{$1}}$1") == "a.bfirst");
  BOOST_TEST(run("${if match_address{joe@a.b.c}{j*@*.c}{y}{n}}$1") == "nfirst");
  BOOST_TEST(run("${if match_address{joe@a.b.c}{*e@*.c}{$0-$1-$2}{n}}$1") == "joe@a.b.c-jo-a.bfirst");
  BOOST_TEST(run("${if match_address{Joe@A.b.c}{joe@a.b.c}{$0}{n}}") == "Joe@a.b.c");
}

// With constant strings nobody looks at captures and $value: they are not made, and what they were stays.
BOOST_AUTO_TEST_CASE(conditions_whose_captures_nobody_sees) {
  scope.captures = {Text("outer"), Text("first")};
  scope.value = Text("V");
  BOOST_TEST(run("${if match{abcd}{b(.)(.)}{yes}{no}}$1$value") == "yesfirstV");
  BOOST_TEST(run("${if match_domain{a.B.c}{*.b.c}{yes}{no}}$1$value") == "yesfirstV");
  BOOST_TEST(run("${if match_domain{a.b.c}{! *.b.c : *}{yes}{no}}$1$value") == "nofirstV");
  BOOST_TEST(run("${if !match_domain{a.b.c}{x.c : *.d}{yes}{no}}$value") == "yesV");
  BOOST_TEST(run("${if match_local_part{Joe}{joe : *x}{yes}{no}}$value") == "yesV");
  BOOST_TEST(run("${if match_domain{a.b.c}{^a}{yes}{no}}$1$value") == "yesfirstV");
  BOOST_TEST(run("${if match_domain{a.b.c}{*.c}}") == "true");
  BOOST_TEST(run("${if and{{match_domain{a.b.c}{*.c}}{eq{$1}{a.b}}}{yes}{no}}") == "yes");
  BOOST_TEST(run("${if match_domain{a.b.c}{*.c}{$value}{no}}") == "*.c");
}

BOOST_AUTO_TEST_CASE(parts_of_text_are_seen_where_it_stands) {
  scope.item = Text::tainted("Joe@Sub.Example.Org");
  for (const char* part : {"domain", "local_part", "length_3", "substr_4_3", "s_-3_2", "l_50"}) {
    const std::string op = "${" + std::string(part) + ":$item}", made = "${" + std::string(part) + ":${lc:$item}}";
    const auto seen = eval("${if eqi{" + op + "}{" + made + "}{same}{other}}");
    BOOST_TEST((seen && seen->view() == "same"), part);
    const auto value = eval("<" + op + ">");
    BOOST_TEST((value && value->is_tainted()), part);
  }
  BOOST_TEST(run("${domain:$item}|${local_part:$item}|${length_3:$item}|${substr_4_3:$item}") ==
             "Sub.Example.Org|Joe|Joe|Sub");
  scope.item = Text::tainted("Joe Doe <joe@a.b> (comment)");  // not plain: it has to be read
  BOOST_TEST(run("${domain:$item}|${local_part:$item}|${if eq{${domain:$item}}{a.b}{y}{n}}") == "a.b|joe|y");
  scope.item = Text::tainted("");
  BOOST_TEST(run("<${domain:$item}${length_3:$item}${substr_1:$item}>") == "<>");
}

BOOST_AUTO_TEST_CASE(substitution_is_prepared_but_fails_when_it_runs) {
  BOOST_TEST(run("${if eq{a}{b}{${sg{x}{(}{y}}}{fine}}") == "fine");
  BOOST_TEST(run("${sg{x}{(}{y}}").starts_with("Failed: regular expression error"));
  BOOST_TEST(run("${sg{x}{a}{\\$nosuch}}") == "x");  // no match: the replacement is not looked at
  BOOST_TEST(run("${sg{xax}{a}{\\$nosuch}}").starts_with("Failed: unknown variable name"));
  BOOST_TEST(run("${sg{abab}{}{-}}") == "-a-b-a-b-");
  scope.value = Text::tainted("T");
  const auto r = eval("${sg{abc}{b}{$value}}");
  BOOST_TEST((r && r->str() == "aTc" && r->is_tainted()));
  BOOST_TEST(eval("${sg{abc}{x}{$value}}")->is_tainted());
  BOOST_TEST(!eval("${sg{abc}{b}{y}}")->is_tainted());
}

BOOST_AUTO_TEST_CASE(list_items_are_kept_apart) {
  BOOST_TEST(run("${map{a:b}{}}") == ": ");
  BOOST_TEST(run("${map{a:b}{:$item}}") == "::a: ::b");
  BOOST_TEST(run("${map{<, a,b}{x,y}}") == "x,,y,x,,y");
  BOOST_TEST(run("${filter{a::b:c::d}{match{$item}{:}}}") == "a::b:c::d");
}

BOOST_AUTO_TEST_CASE(tests_are_the_strict_boolean_of_the_text) {
  CompileContext ctx;
  ctx.registries = config.registries.get();
  const auto compiled = [&](std::string text) { return *Expansion::compile(SourceText(std::move(text)), ctx); };
  for (const char* text : {"${if eq{$value}{a}}", "${if !eq{$value}{a}}", "${if eq{$value}{a}{yes}{no}}",
                           "${if eq{$value}{a}{0}{1}}", "${if eq{$value}{a}{true}}", "${if match{$value}{^a}{1}{}}"}) {
    const Expansion e = compiled(text);
    BOOST_TEST(e.is_test(), text);
    for (const char* v : {"a", "b"}) {
      scope.value = Text(v);
      bool strict = false;
      BOOST_REQUIRE(parse_strict_bool(e.eval(scope)->view(), strict));
      BOOST_TEST(*e.test(scope) == strict, text);
      BOOST_TEST(scope.captures.empty());
      BOOST_TEST((scope.value && scope.value->view() == v));
    }
  }
  for (const char* text : {"${if eq{$value}{a}{maybe}{no}}", "${if eq{$value}{a}{yes}fail}",
                           "${if eq{$value}{a}{$value}{no}}", "${if eq{$value}{a}}x", "$value"})
    BOOST_TEST(!compiled(text).is_test(), text);
  BOOST_TEST(!compiled("${if >{x}{1}}").test(scope).has_value());
}

BOOST_AUTO_TEST_CASE(families_of_variables_are_seen_where_they_stand) {
  acl_m["m_x"] = Text::tainted(kLong);
  BOOST_TEST(run("$acl_m_x") == kLong);
  BOOST_TEST(eval("$acl_m_x")->is_tainted());
  BOOST_TEST(run("${if def:acl_m_x{y}{n}}${if def:acl_m_y{y}{n}}") == "yn");
  BOOST_TEST(run("<$acl_m_y>") == "<>");
  config.main.strict_acl_vars = true;
  BOOST_TEST(run("$acl_m_y") == "Failed: unknown variable name \"acl_m_y\"");
  BOOST_TEST(run("${if eq{$acl_m_x}{" + std::string(kLong) + "}{y}{n}}") == "y");
}

BOOST_AUTO_TEST_CASE(memory_that_is_used_again_is_empty) {
  for (int i = 0; i < 100; ++i) {
    ScratchText a, b;
    BOOST_TEST(a.get().empty());
    BOOST_TEST(!a.get().is_tainted());
    a.get().append(Text::tainted(kLong));
    BOOST_TEST(b.get().empty());
    b.get().append(std::string_view("x"));
  }
}

BOOST_AUTO_TEST_SUITE_END()
