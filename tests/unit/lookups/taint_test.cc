// Static taint of expansions: what is certainly tainted, certainly clean, and what run time must see.
#include <boost/test/unit_test.hpp>

#include "lang/taint_check.h"
#include "policy_fixture.h"

using namespace remex;
using namespace remex::lang;

BOOST_FIXTURE_TEST_SUITE(static_taint, PolicyFixture)

BOOST_AUTO_TEST_CASE(expansions) {
  TaintScope scope_of_router;
  scope_of_router.variables["local_part_data"] = {};
  scope_of_router.variables["address_data"] = {TaintState::tainted, "local_part", "router"};
  const std::tuple<const char*, TaintState, const char*> rows[] = {
      {"/plain", TaintState::clean, ""},
      {"/m/$local_part", TaintState::tainted, "local_part"},
      {"/m/${lc:$local_part}", TaintState::tainted, "local_part"},
      {"/m/$local_part_data", TaintState::clean, ""},
      {"/m/$domain_data", TaintState::depends, ""},
      {"/m/$1", TaintState::depends, ""},
      {"/m/$h_subject:", TaintState::tainted, "h_subject"},
      {"$address_data", TaintState::tainted, "local_part"},
      {"${lookup{$local_part}dsearch{/m}}", TaintState::clean, ""},
      {"${lookup{$local_part}dsearch{/m}{/m/$value}}", TaintState::clean, ""},
      {"${lookup{$local_part}dsearch{/m}{/m/$local_part}}", TaintState::tainted, "local_part"},
      {"${lookup{$local_part}dsearch{/m}{$value}{/m/$local_part}}", TaintState::tainted, "local_part"},
      {"${lookup dnsdb{txt=x.example}}", TaintState::tainted, "dnsdb"},
      {"${if eq{$local_part}{x}{/a}{/b}}", TaintState::clean, ""},
      {"${if eq{$local_part}{x}{/a}{/b/$domain}}", TaintState::tainted, "domain"},
      {"${if inlist{$local_part}{a:b}{/m/$value}}", TaintState::depends, ""},
      {"$primary_hostname", TaintState::clean, ""},
  };
  CompileContext ctx;
  ctx.registries = config.registries.get();
  for (const auto& [text, state, culprit] : rows) {
    auto e = Expansion::compile(SourceText(text), ctx);
    BOOST_REQUIRE_MESSAGE(e, text);
    const TaintFlow flow = taint_of(*e, scope_of_router);
    BOOST_TEST((flow.state == state), text << ": " << static_cast<int>(flow.state));
    if (state == TaintState::tainted) BOOST_TEST(flow.culprit == culprit, text << ": " << flow.culprit);
  }
}

BOOST_AUTO_TEST_SUITE_END()
