// What server lookups are made of, without servers: parameter sets, LDAP settings and quoting, Redis words and replies,
// rows as text. The servers themselves are in tests/e2e/lookup_*.py.
#include <boost/test/unit_test.hpp>

#include "lookups/ldap_query.h"
#include "lookups/resp.h"
#include "lookups/row_format.h"
#include "lookups/server_list.h"
#include "policy_fixture.h"

using namespace remex;
using namespace remex::lookups;

BOOST_AUTO_TEST_SUITE(server_parts)

BOOST_AUTO_TEST_CASE(parameter_sets) {
  const auto fields = server_fields("(/run/x.sock)/db/user/pa/ss", 4, 0);
  BOOST_REQUIRE(fields.has_value());
  BOOST_TEST((*fields)[0] == "(/run/x.sock)");
  BOOST_TEST((*fields)[3] == "pa/ss");
  BOOST_TEST(!server_fields("host/db/user", 4, 0).has_value());
  BOOST_TEST(server_fields("host", 3, 2)->at(2).empty());
  BOOST_TEST(server_title("host:1/db/user/secret", 4) == "host:1/db/user");
  BOOST_TEST(server_title("host/3/secret", 3) == "host/3");
  BOOST_TEST(server_title("host", 3) == "host");
}

BOOST_AUTO_TEST_CASE(server_addresses) {
  const auto a = parse_server_address("db.test:3307(/run/m.sock)[mail]");
  BOOST_REQUIRE(a.has_value());
  BOOST_TEST(a->host == "db.test");
  BOOST_TEST(a->port == 3307);
  BOOST_TEST(a->socket == "/run/m.sock");
  BOOST_TEST(a->group == "mail");
  BOOST_TEST(parse_server_address("[::1]:5432")->host == "::1");
  BOOST_TEST(parse_server_address("[::1]:5432")->port == 5432);
  BOOST_TEST(parse_server_address("(/s)")->socket == "/s");
  BOOST_TEST(parse_server_address("host")->port == 0);
  for (const char* bad : {"h:0", "h:65536", "h:x", "[::1", "[::1]x"})
    BOOST_TEST(!parse_server_address(bad).has_value(), bad);
}

BOOST_FIXTURE_TEST_CASE(choice_of_servers, lang::PolicyFixture) {
  const std::vector<std::string> configured{"one/db/u/p", "two/db/u/p"};
  const auto choose = [&](const std::string& options, const Text& query) {
    const lang::LookupRequest r{.key = query, .file = std::string(), .options = options};
    auto got = choose_servers(r, configured, "PostgreSQL", "pgsql_servers");
    return got ? join(got->servers, " ") + "|" + got->query : got.error().text;
  };
  BOOST_TEST(choose("", Text("select 1")) == "one/db/u/p two/db/u/p|select 1");
  BOOST_TEST(choose("servers=two:x::5/a/b/c", Text("q")) == "two/db/u/p x:5/a/b/c|q");
  BOOST_TEST(choose("", Text("servers=two; q")) == "two/db/u/p|q");
  BOOST_TEST(choose("servers=three", Text("q")) == "PostgreSQL server \"three\" not found in pgsql_servers");
  BOOST_TEST(choose("", Text("servers=two q")).find("missing ;") != std::string::npos);
  BOOST_TEST(choose("", Text::tainted("servers=two; q")).find("tainted") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(ldap_settings) {
  const auto q = parse_ldap_query(
      "USER=\"cn=a b,\\\"o=x\" pass=p%20w SIZE=3 TIME=4 nettime=5 REFERRALS=nofollow "
      "DEREFERENCE=finding SERVERS=a::389:b ldap:///o=x?a?sub?(b=c)");
  BOOST_REQUIRE(q.has_value());
  BOOST_TEST(q->user == "cn=a b,\"o=x");
  BOOST_TEST(q->password == "p%20w");
  BOOST_TEST(q->size_limit == 3);
  BOOST_TEST(q->time_limit == 4);
  BOOST_TEST(q->net_timeout == 5);
  BOOST_TEST(!q->follow_referrals);
  BOOST_TEST(*q->dereference == 2);
  BOOST_TEST(join(q->servers, "|") == "a:389|b");
  BOOST_TEST(q->url == "ldap:///o=x?a?sub?(b=c)");
  BOOST_TEST(parse_ldap_query("user=cn%3Da%20b ldap:///")->user == "cn=a b");
  for (const char* bad : {"", "nothing", "size=x ldap:///", "foo=1 ldap:///", "dereference=maybe ldap:///", "http://x"})
    BOOST_TEST(!parse_ldap_query(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(ldap_quoting) {
  BOOST_TEST(quote_ldap(" a(bc)*, a<yz>; ") == "%20a%5C28bc%5C29%5C2A%2C%20a%3Cyz%3E%3B%20");
  BOOST_TEST(quote_ldap_dn(" a(bc)*, a<yz>; ") == "%5C%20a(bc)*%5C%2C%20a%5C%3Cyz%5C%3E%5C%3B%5C%20");
  BOOST_TEST(quote_ldap(std::string("\0", 1)) == "%5C00");
  BOOST_TEST(quote_ldap_dn("  ") == "%5C%20%5C%20");
  BOOST_TEST(quote_ldap_dn("#x") == "%5C%23x");
  BOOST_TEST(ldap_values({"a,b", "c\"d\n"}, false) == "a,,b,c\"d\n");
  BOOST_TEST(ldap_values({"a,b", "c\"d\n"}, true) == "a,,b,c\\\"d\\n");
}

BOOST_AUTO_TEST_CASE(plain_quotes_pass_for_ldap_only) {
  lang::Registries r;
  r.lookups = lang::flatten<lang::LookupDef>(registry::lookups::all);
  r.finish();
  const auto* ldap = r.find_lookup("ldapm");
  const auto* pgsql = r.find_lookup("pgsql");
  const QuoterId l = quoter_id(r, *ldap);
  const QuoterId p = quoter_id(r, *pgsql);
  Text mixed("USER=");
  mixed.append(Text("a", Taint::tainted, l));
  mixed.append(Text("b", Taint::tainted, kQuotedPlainly));
  mixed.append(Text("c", Taint::tainted, l));
  BOOST_TEST(quoted_for(r, *ldap, mixed));
  BOOST_TEST(!quoted_for(r, *pgsql, mixed));
  Text sql(" ");
  sql.append(Text("a", Taint::tainted, p));
  BOOST_TEST(quoted_for(r, *pgsql, sql));
  sql.append(Text("a", Taint::tainted, kQuotedPlainly));
  BOOST_TEST(!quoted_for(r, *pgsql, sql));
  Text raw = mixed;
  raw.append(Text::tainted("x"));
  raw.append(Text("c", Taint::tainted, l));
  BOOST_TEST(!quoted_for(r, *ldap, raw));
}

BOOST_AUTO_TEST_CASE(redis_words_and_commands) {
  BOOST_TEST(join(redis_words("  set k\\ 1 a\\\\b\tc "), "|") == "set|k 1|a\\b|c");
  BOOST_TEST(redis_words(" \n ").empty());
  BOOST_TEST(resp_command({"get", "a b"}) == "*2\r\n$3\r\nget\r\n$3\r\na b\r\n");
}

BOOST_AUTO_TEST_CASE(rows) {
  RowFormat one(1);
  one.start_row();
  one.value("a", "x y");
  one.start_row();
  one.value("a", "");
  BOOST_TEST(*std::move(one).finish() == "x y\n");
  RowFormat two(2);
  two.start_row();
  two.value("a", "x y\\\"");
  two.value("b", "\"q");
  BOOST_TEST(*std::move(two).finish() == "a=\"x y\\\\\\\"\" b=\"\\\"q\" ");
  BOOST_TEST(!RowFormat(1).finish().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
