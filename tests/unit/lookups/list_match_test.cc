// Domain, host, address and local part lists as the manual (chapter 10) and the comparison with Exim 4.96 have them.
#include <boost/test/unit_test.hpp>

#include "core/base/strings.h"
#include "lang/list_checks.h"
#include "policy_fixture.h"

using namespace remex;
using namespace remex::lang;

namespace {
struct Row {
  const char *list, *subject, *want;
};
}  // namespace

BOOST_FIXTURE_TEST_SUITE(list_match, PolicyFixture)

BOOST_AUTO_TEST_CASE(splitting) {
  const std::pair<const char*, std::vector<std::string>> rows[] = {
      {"", {}},
      {":", {""}},
      {" a : b ", {"a", "b"}},
      {"a:", {"a"}},
      {"a::b", {"a:b"}},
      {"a: :b", {"a", "", "b"}},
      {"<; ::1 ; b", {"::1", "b"}},
      {"<\n a \n\n b", {"a", "", "b"}},
      {"127.0.0.1 : ::::1", {"127.0.0.1", "::1"}},
      {"< ; a", {"< ; a"}},
      {"   ", {}},
  };
  for (const auto& [text, want] : rows) BOOST_TEST(split_list(text) == want, text);
  const std::vector<std::string> items{"a:b", "", "c"};
  BOOST_TEST(split_list(join_list(items)) == items);
}

BOOST_AUTO_TEST_CASE(domains) {
  define(ListKind::domain, "doms", "a.example : !b.example");
  write("f", "a.example: A data\n*.b.example: part\n");
  write("li", "fa.example # c\n*.fb.example\n!fc.example\n^fd\n");
  const Row rows[] = {
      {"*.b.c", "a.b.c", "[*.b.c]"},
      {"a.B.c", "A.b.c", "[a.B.c]"},
      {"\\N^a(.)b\\N", "a.b.c", "[^a(.)b]"},
      {"*", "a.b.c", "[*]"},
      {"!x", "a.b.c", "[]"},
      {"!x.b.c:*.b.c", "x.b.c", "n"},
      {"", "a.b.c", "n"},
      {":", "", "[]"},
      {"@", "H.example", "[h.example]"},
      {"@[]", "[127.0.0.1]", "[@[]]"},
      {"@[]", "[192.0.2.77]", "n"},
      {"+doms", "a.example", "[a.example]"},
      {"+doms", "z.example", "[]"},
      {"+doms", "b.example", "n"},
      {"!+doms", "z.example", "n"},
      {"+doms : *.q", "b.example", "n"},
      {"+nolist", "z", "defer: unknown named domain list \"+nolist\""},
      {"lsearch;@DIR@/f", "a.example", "[A data]"},
      {"lsearch,ret=key;@DIR@/f", "A.example", "[a.example]"},
      {"partial-lsearch;@DIR@/f", "x.b.example", "[part]"},
      {"! lsearch;@DIR@/f", "a.example", "n"},
      {"@DIR@/li", "fa.example", "[fa.example]"},
      {"@DIR@/li", "z.fb.example", "[*.fb.example]"},
      {"@DIR@/li", "fc.example", "n"},
      {"!@DIR@/li", "zz", "[]"},
      {"@DIR@/li", "fdx", "[^fd]"},
      {"passwd;no-such-user-here", "zz", "n"},
      {"<; a ; zz", "zz", "[zz]"},
      {"a::b", "a:b", "[a:b]"},
      {"*key.ex", "donkey.ex", "[*key.ex]"},
      {"${lookup{k}lsearch{@DIR@/none}}", "a", "failed: "},
  };
  for (const Row& r : rows) {
    const std::string got = match(ListKind::domain, r.list, r.subject);
    BOOST_TEST((std::string_view(r.want) == "failed: " ? !got.starts_with("[") && got != "n" : got == r.want),
               r.list << " " << r.subject << ": " << got);
  }
  BOOST_TEST(match(ListKind::domain, "@DIR@/none", "zz").starts_with("defer: failed to open"));
}

BOOST_AUTO_TEST_CASE(lines_of_a_file_stand_in_the_place_of_its_name) {
  write("middle", "a.example\n!b.example\n*.example\n");
  write("last", "*.a.example\n!b.example\n");
  write("empty", "# nothing\n");
  const Row rows[] = {
      {"@DIR@/middle : *", "b.example", "n"},
      {"! @DIR@/middle : ! *", "b.example", "[b.example]"},
      {"! @DIR@/middle : *", "c.example", "n"},
      {"@DIR@/middle : other.test", "other.test", "[other.test]"},
      {"@DIR@/last", "z.test", "[]"},
      {"@DIR@/last : other.test", "z.test", "n"},
      {"! @DIR@/last", "z.test", "n"},
      {"other.test : @DIR@/last", "z.test", "[]"},
      {"other.test : ! @DIR@/last", "z.test", "n"},
      {"! @DIR@/last : z.test", "z.test", "[z.test]"},
      {"@DIR@/empty", "z.test", "n"},
      {"! @DIR@/empty", "z.test", "[]"},
      {"@DIR@/empty : *", "z.test", "[*]"},
      {"a1 : a2 : a3 : a4 : a5 : a6 : a7 : a8 : @DIR@/middle : *", "b.example", "n"},
      {"a1 : a2 : a3 : a4 : a5 : a6 : a7 : a8 : @DIR@/last", "z.test", "[]"},
  };
  for (const Row& r : rows) {
    const std::string got = match(ListKind::domain, r.list, r.subject);
    BOOST_TEST(got == r.want, r.list << " " << r.subject << ": " << got);
  }
  write("joe", "!joe\n*\n");
  BOOST_TEST(match(ListKind::local_part, "@DIR@/joe : joe", "joe") == "n");
  BOOST_TEST(match(ListKind::local_part, "@DIR@/joe", "jane") == "[*]");
}

BOOST_AUTO_TEST_CASE(captures_and_taint_of_results) {
  auto l = list(ListKind::domain, "*.b.c : \\N^(.)x\\N : plain");
  auto r = l.match(scope, Text::tainted("a.b.c"));
  BOOST_REQUIRE(scope.captures.size() == 2U);
  BOOST_TEST(scope.captures[0].str() == "a.b.c");
  BOOST_TEST(scope.captures[1].str() == "a");
  BOOST_TEST(scope.captures[1].is_tainted());
  r = l.match(scope, Text::tainted("yx"));
  BOOST_TEST(scope.captures[1].str() == "y");
  r = l.match(scope, Text::tainted("plain"));
  BOOST_TEST(!r->data.is_tainted());
  r = match_list_text(scope, ListKind::domain, Text::tainted("plain"), Text::tainted("plain"));
  BOOST_TEST(r->data.is_tainted());
  std::filesystem::create_directory(dir + "/d.example");
  r = list(ListKind::domain, "dsearch,filter=subdir;@DIR@").match(scope, Text::tainted("D.example"));
  BOOST_TEST(r->matched);
  BOOST_TEST(r->data.str() == "d.example");
  BOOST_TEST(!r->data.is_tainted());
}

BOOST_AUTO_TEST_CASE(the_domain_variable_is_the_subject) {
  std::filesystem::create_directory(dir + "/d.example");
  BOOST_TEST(match(ListKind::domain, "${if eq{$domain}{q.example}{q.example}{}}", "Q.example") == "[q.example]");
  BOOST_TEST(match(ListKind::domain, "${if eq{$domain}{q.example}{q.example}{}}", "q.example",
                   {.keep_domain_variable = true}) == "n");
  AddressState a;
  a.domain = "before";
  scope.address = &a;
  match(ListKind::domain, "${lc:$domain}", "x");
  BOOST_TEST(a.domain == "before");
  scope.address = nullptr;
}

BOOST_AUTO_TEST_CASE(expansion_failures) {
  BOOST_TEST(match(ListKind::domain, "${if eq{a}{b}{x}fail}", "x") == "n");
  BOOST_TEST(match(ListKind::domain, "${if eq{a}{a}{$domain}}", "<; x").starts_with("taint: "));
}

BOOST_AUTO_TEST_CASE(tainted_items_reach_no_file) {
  const std::string f = write("f", "k: v\n");
  for (const std::string& item : {f, "lsearch;" + f, std::string("+name")}) {
    const auto r = match_list_text(scope, ListKind::domain, Text::tainted(item), Text::tainted("k"));
    BOOST_TEST((!r && r.error().kind == ErrorKind::taint), item);
  }
}

BOOST_AUTO_TEST_CASE(addresses) {
  define(ListKind::domain, "doms", "a.example");
  define(ListKind::address, "al", "x@y.example");
  write("not_joe", "!joe@a.example\n");
  write("f", "*@d.example: sat\nx@d.example: full\na.example: A data\n");
  write("r",
        "baddomain.com: !postmaster : *\naol.com: spammer1 : spammer 2 : >*\n*: ^\\d{8}$\nloop.com: >loop.com\n"
        "not.com: !joe : >all\nall: *\nlost.com: !joe : >nowhere\nend.com: !joe\n");
  const Row rows[] = {
      {"foo@b.c", "Foo@B.c", "[foo@b.c]"},
      {"*@b.c", "Foo@B.c", "[*@b.c]"},
      {"*oo@*.b.c", "Foo@a.B.c", "[*oo@*.b.c]"},
      {"b.c", "foo@b.c", "[b.c]"},
      {"*.b.c", "foo@a.b.c", "[*.b.c]"},
      {"b.c", "foo@x.b.c", "n"},
      {"\\N^fo(.)@\\N", "foo@a.b.c", "[^fo(.)@]"},
      {":", "", "[]"},
      {"*", "", "n"},
      {"\\N^$\\N", "", "[^$]"},
      {"*@b.c", "", "n"},
      {"+caseful:foo@b.c", "Foo@b.c", "n"},
      {"+caseful:Foo@b.c", "Foo@b.c", "[Foo@b.c]"},
      {"foo@b.c:+caseful:x", "Foo@b.c", "[foo@b.c]"},
      {"lsearch*@;@DIR@/f", "a@d.example", "[sat]"},
      {"lsearch;@DIR@/f", "X@D.example", "[full]"},
      {"lsearch;@DIR@/f", "", "n"},
      {"*@lsearch;@DIR@/f", "x@a.example", "[*@A data]"},
      {"x@+doms", "x@a.example", "[x@a.example]"},
      {"+al", "x@y.example", "[x@y.example]"},
      {"+doms", "x@a.example", "defer: unknown named address list \"+doms\""},
      {"foo", "foo", "n"},
      {"foo@@", "foo@h.example", "[foo@h.example]"},
      {"@@lsearch*;@DIR@/r", "joe@baddomain.com", "[*]"},
      {"@@lsearch*;@DIR@/r", "postmaster@baddomain.com", "n"},
      {"@@lsearch*;@DIR@/r", "12345678@aol.com", "[^\\d{8}$]"},
      {"@@lsearch*;@DIR@/r", "12345678@any.com", "[^\\d{8}$]"},
      {"@@lsearch*;@DIR@/r", "joe@any.com", "n"},
      // A negative item that matches ends the chain; the end of what was found never matches.
      {"@@lsearch;@DIR@/r", "joe@not.com", "n"},
      {"@@lsearch;@DIR@/r", "jane@not.com", "[*]"},
      {"@@lsearch;@DIR@/r", "jane@lost.com", "n"},
      {"@@lsearch;@DIR@/r", "jane@end.com", "n"},
      {"! @@lsearch;@DIR@/r", "jane@end.com", "[]"},
      {"@DIR@/not_joe : *@a.example", "joe@a.example", "n"},
      {"! @DIR@/not_joe : ! *@a.example", "joe@a.example", "[joe@a.example]"},
  };
  for (const Row& r : rows) {
    const std::string got = match(ListKind::address, r.list, r.subject);
    BOOST_TEST(got == r.want, r.list << " " << r.subject << ": " << got);
  }
  BOOST_TEST(match(ListKind::address, "@@lsearch;@DIR@/r", "a@loop.com").starts_with("defer: loop in"));
}

BOOST_AUTO_TEST_CASE(local_parts) {
  define(ListKind::local_part, "lp", "foo : bar");
  write("f", "not#comment\nx # c\n");
  const Row rows[] = {
      {"foo", "Foo", "[foo]"},
      {"+caseful:foo", "Foo", "n"},
      {"foo-*", "foo-x", "n"},
      {"*-foo", "x-foo", "[*-foo]"},
      {"+lp:x", "bar", "[bar]"},
      {"@", "@", "[@]"},
      {"@DIR@/f", "not#comment", "[not#comment]"},
      {"@DIR@/f", "x", "[x]"},
  };
  for (const Row& r : rows) {
    const std::string got = match(ListKind::local_part, r.list, r.subject);
    BOOST_TEST(got == r.want, r.list << " " << r.subject << ": " << got);
  }
  BOOST_TEST(match(ListKind::local_part, "foo", "Foo", {.caseful = true}) == "n");
  BOOST_TEST(match(ListKind::local_part, "Foo", "Foo", {.caseful = true}) == "[Foo]");
}

BOOST_AUTO_TEST_CASE(hosts_by_address) {
  define(ListKind::host, "hl", "10.0.0.0/8");
  write("ip", "1.2.3.4: one\n192.168.0.0/16: net\nabcd.0000.0000.0000.0000.0000.0000.0001: six\n");
  const Row rows[] = {
      {"10.0.0.0/8", "10.1.2.3", "[10.0.0.0/8]"},
      {"10.0.0.0/8", "::ffff:10.1.2.3", "[10.0.0.0/8]"},
      {"+hl", "10.1.2.3", "[10.0.0.0/8]"},
      {"!10.0.0.1 : 10.0.0.0/8", "10.0.0.1", "n"},
      {"<; ::1 ; 2001:db8::/32", "2001:db8:1::2", "[2001:db8::/32]"},
      {"net-lsearch;@DIR@/ip", "1.2.3.4", "[one]"},
      {"net16-lsearch;@DIR@/ip", "192.168.0.1", "[net]"},
      {"net-lsearch;@DIR@/ip", "abcd::1", "[six]"},
      {"net-iplsearch;@DIR@/ip", "192.168.9.9", "[net]"},
      {":", "", "[]"},
      {":", "1.2.3.4", "n"},
      {"*", "", "[*]"},
      {"*", "1.2.3.4", "[*]"},
      {"1.2.3.4", "", "n"},
      {"@[]", "127.0.0.1", "[@[]]"},
      {"192.168.23.236/31", "192.168.23.237", "[192.168.23.236/31]"},
      {"0.0.0.0/0", "9.9.9.9", "[0.0.0.0/0]"},
      {"0.0.0.0/0", "::1", "n"},
  };
  for (const Row& r : rows) {
    const std::string got = host(r.list, r.subject);
    BOOST_TEST(got == r.want, r.list << " " << r.subject << ": " << got);
  }
}

BOOST_AUTO_TEST_CASE(hosts_by_name) {
  auto& t = services.dns.table;
  t[{"friend.example", dns::Type::a}] = {"192.0.2.1"};
  t[{"1.2.0.192.in-addr.arpa", dns::Type::ptr}] = {"friend.example"};
  t[{"2.2.0.192.in-addr.arpa", dns::Type::ptr}] = {"friend.example"};  // a lie: does not point back
  t[{"h.example", dns::Type::a}] = {"192.0.2.9"};
  services.dns.broken = "3.2.0.192.in-addr.arpa";
  write("f", "friend.example: yes\n");
  write("names", "*.example\n");
  write("moods", "+include_unknown\n+include_defer\n");
  write("not_one", "!192.0.2.1\n");
  const Row rows[] = {
      {"friend.example", "192.0.2.1", "[friend.example]"},
      {"friend.example", "192.0.2.2", "n"},
      {"@", "192.0.2.9", "[@]"},
      {"*.example", "192.0.2.1", "[*.example]"},
      {"\\N^friend\\N", "192.0.2.1", "[^friend]"},
      {"lsearch;@DIR@/f", "192.0.2.1", "[yes]"},
      {"*.example", "192.0.2.2", "n"},
      {"*.example : 192.0.2.2", "192.0.2.2", "n"},
      {"192.0.2.2 : *.example", "192.0.2.2", "[192.0.2.2]"},
      {"+ignore_unknown : *.example : 192.0.2.2", "192.0.2.2", "[192.0.2.2]"},
      {"+include_unknown : *.example", "192.0.2.2", "[]"},
      {"none.example : 192.0.2.1", "192.0.2.1", "n"},
      {"*.example", "192.0.2.3", "defer: host name for 192.0.2.3 could not be looked up now"},
      {"+ignore_defer : *.example : 192.0.2.3", "192.0.2.3", "[192.0.2.3]"},
      {"+include_defer : *.example", "192.0.2.3", "[]"},
      {"! *.example", "192.0.2.1", "n"},
      // A file stands for its lines: what is missing there is missing here.
      {"@DIR@/names : *", "192.0.2.2", "n"},
      {"! @DIR@/names : *", "192.0.2.2", "n"},
      {"! @DIR@/names", "192.0.2.2", "n"},
      {"! @DIR@/names : *", "192.0.2.1", "n"},
      {"+include_unknown : @DIR@/names", "192.0.2.2", "[]"},
      {"+include_unknown : !@DIR@/names : 10.0.0.1", "192.0.2.2", "[]"},
      {"+ignore_unknown : @DIR@/names : *", "192.0.2.2", "[*]"},
      {"@DIR@/moods : *.example", "192.0.2.2", "n"},
      {"@DIR@/names", "192.0.2.3", "defer: host name for 192.0.2.3 could not be looked up now"},
      {"+ignore_defer : @DIR@/names : *", "192.0.2.3", "[*]"},
      {"@DIR@/not_one : *", "192.0.2.1", "n"},
      {"!@DIR@/not_one : !*", "192.0.2.1", "[192.0.2.1]"},
  };
  for (const Row& r : rows) {
    const std::string got = host(r.list, r.subject);
    BOOST_TEST(got == r.want, r.list << " " << r.subject << ": " << got);
  }
  BOOST_TEST(host("*.given.example", "192.0.2.2", "A.given.example") == "[*.given.example]");
  // match_ip asks no names: their answer is unknown.
  BOOST_TEST(match(ListKind::host, "*.example : 192.0.2.3", "192.0.2.3") == "n");
  BOOST_TEST(match(ListKind::host, "!one.example", "192.0.2.3") == "n");
  BOOST_TEST(match(ListKind::host, "one.example : 192.0.2.3", "192.0.2.3") == "n");
  BOOST_TEST(match(ListKind::host, "+ignore_unknown : one.example : 192.0.2.3", "192.0.2.3") == "[192.0.2.3]");
  BOOST_TEST(match(ListKind::host, "192.0.2.3 : one.example", "192.0.2.3") == "[192.0.2.3]");
}

BOOST_AUTO_TEST_CASE(mx_items) {
  auto& t = services.dns.table;
  t[{"p.example", dns::Type::mx}] = {"10 here.example", "20 there.example"};
  t[{"s.example", dns::Type::mx}] = {"10 there.example", "20 here.example"};
  t[{"o.example", dns::Type::mx}] = {"10 there.example"};
  t[{"here.example", dns::Type::a}] = {"127.0.0.1"};
  t[{"there.example", dns::Type::a}] = {"192.0.2.8"};
  const Row rows[] = {
      {"@mx_any", "p.example", "[@mx_any]"}, {"@mx_any", "s.example", "[@mx_any]"},
      {"@mx_any", "o.example", "n"},         {"@mx_primary", "p.example", "[@mx_primary]"},
      {"@mx_primary", "s.example", "n"},     {"@mx_secondary", "s.example", "[@mx_secondary]"},
      {"@mx_secondary", "p.example", "n"},   {"@mx_any/ignore=127.0.0.1", "p.example", "n"},
      {"@mx_any", "none.example", "n"},
  };
  for (const Row& r : rows)
    BOOST_TEST(match(ListKind::domain, r.list, r.subject) == r.want, r.list << " " << r.subject);
}

BOOST_AUTO_TEST_CASE(bad_constant_items_are_found_at_load) {
  const std::pair<ListKind, const char*> rows[] = {
      {ListKind::domain, "^("},        {ListKind::domain, "dsearh;/x"},       {ListKind::host, "10.0.0.0/33"},
      {ListKind::host, "<; ::1/129"},  {ListKind::address, "*@bogus;/x"},     {ListKind::address, "@@nolookup"},
      {ListKind::domain, "nisplus;x"}, {ListKind::host, "net999-lsearch;/x"}, {ListKind::domain, "@mx_any/bogus"},
  };
  for (const auto& [kind, text] : rows) {
    SourceFiles files;
    Diagnostics diag(files);
    CompileContext ctx;
    ctx.registries = config.registries.get();
    ctx.diagnostics = &diag;
    BOOST_TEST(!MatchList::compile(kind, SourceText(text), ctx), text);
    BOOST_TEST(diag.error_count() == 1U, text);
  }
}

BOOST_AUTO_TEST_CASE(unknown_and_circular_named_lists) {
  define(ListKind::domain, "a", "+b");
  define(ListKind::domain, "b", "x : +a");
  define(ListKind::address, "c", "*@+nowhere");
  SourceFiles files;
  Diagnostics diag(files);
  check_lists(config, diag);
  int rings = 0, unknown = 0;
  for (const auto& d : diag.all()) {
    rings += d.code == "list-ring" ? 1 : 0;
    unknown += d.code == "unknown-list" ? 1 : 0;
  }
  BOOST_TEST(rings == 1);  // one ring, said once
  BOOST_TEST(unknown == 1);
  BOOST_TEST(match(ListKind::domain, "+a", "q").starts_with("defer: named lists nest too deeply"));
}

BOOST_AUTO_TEST_CASE(ten_thousand_domains_are_one_probe) {
  std::string text;
  for (int i = 0; i < 10000; ++i) text += "d" + std::to_string(i) + ".example : ";
  const auto l = list(ListKind::domain, text + "!d5.example : *.org");
  for (int i = 0; i < 10000; ++i) BOOST_REQUIRE(l.match(scope, Text::tainted("d9999.example"))->matched);
  BOOST_TEST(show(l.match(scope, Text::tainted("d5.example"))) == "[d5.example]");
  BOOST_TEST(show(l.match(scope, Text::tainted("x.org"))) == "[*.org]");
}

// Lists of names are answered by tables when they are long and by looking at each item when they are short; both must
// say what reading the list from left to right says.
BOOST_AUTO_TEST_CASE(lists_of_names_are_read_from_left_to_right) {
  const std::string words[] = {"a.test",  "b.test",     "c.b.test",    "*.b.test", "*.test", "*test",
                               "*b.test", "*.c.b.test", "*.d.example", "example",  "*",      "A.Test"};
  const std::string subjects[] = {"a.test",      "b.test",  "ab.test", "x.b.test", "C.b.Test", "y.c.b.test",
                                  "x.d.example", "example", "nothing", "test",     ".test",    "a.b.c.d.example"};
  unsigned state = 4711;
  const auto next = [&state](unsigned n) {
    state = state * 1103515245U + 12345U;
    return (state >> 16U) % n;
  };
  for (int round = 0; round < 2000; ++round) {
    std::vector<std::string> items;
    const unsigned count = 1 + next(round % 2 == 0 ? 6 : 30);
    for (unsigned i = 0; i < count; ++i)
      items.push_back((next(4) == 0 ? "! " : "") +
                      (next(5) != 0 ? words[next(std::size(words))] : "w" + std::to_string(i)));
    const auto l = list(ListKind::domain, join_list(items));
    for (const std::string& subject : subjects) {
      std::string want;
      for (const std::string& item : items) {
        const bool negated = item.starts_with("! ");
        const std::string text = negated ? item.substr(2) : item;
        const std::string lower = to_lower(subject);
        const bool hit = text.starts_with("*") ? lower.ends_with(text.substr(1)) : lower == to_lower(text);
        want = hit ? (negated ? "n" : "[" + text + "]") : (negated ? "[]" : "n");
        if (hit) break;
      }
      const std::string got = show(l.match(scope, Text::tainted(subject)));
      BOOST_REQUIRE_MESSAGE(got == want, join_list(items) << " for " << subject << ": " << got << ", not " << want);
    }
  }
}

BOOST_AUTO_TEST_CASE(names_of_lists_of_names) {
  define(ListKind::domain, "inner", "a.test : !b.test : *.c.test");
  define(ListKind::domain, "outer", "! +inner : *.test");
  define(ListKind::domain, "other", "^x : +inner");
  define(ListKind::local_part, "users", "joe : *-list");
  BOOST_TEST(match(ListKind::domain, "+inner", "Q.C.test") == "[*.c.test]");
  BOOST_TEST((scope.captures.size() == 2U && scope.captures[0].str() == "q.c.test" && scope.captures[1].str() == "q"));
  BOOST_TEST(scope.captures[1].is_tainted());
  BOOST_TEST(match(ListKind::domain, "+inner : b.test", "b.test") == "[b.test]");
  BOOST_TEST(match(ListKind::domain, "+outer", "a.test") == "n");
  BOOST_TEST(match(ListKind::domain, "+outer", "b.test") == "[*.test]");
  BOOST_TEST(match(ListKind::domain, "+outer", "a.example") == "n");
  BOOST_TEST(match(ListKind::domain, "+other", "q.c.test") == "[*.c.test]");
  BOOST_TEST(match(ListKind::domain, "+other", "xa.test") == "[^x]");
  BOOST_TEST(match(ListKind::local_part, "+users", "A-List") == "[*-list]");
  BOOST_TEST(scope.captures[1].str() == "A");
}

BOOST_AUTO_TEST_SUITE_END()
