// Lookup types and the engine: keys that were meant to harm, files that change or go, affixes, taint.
#include <fmt/format.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include "core/io/fiber.h"
#include "policy_fixture.h"

using namespace remex;
using namespace remex::lang;

namespace {

constexpr const char* kFile =
    "a.example: A data\n*.b.example: part\n*: star\n*@d.example: sat\nx@d.example: full\n\"q k\": quoted\n"
    "cont: a\n   b\n# c\n  c  \ne\n: colonkey\nnocolon data here\nUP: upper\nup: second\nbad:  :fail: no\n";

struct Row {
  const char *spec, *key, *want;
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(lookups, PolicyFixture)

BOOST_AUTO_TEST_CASE(lsearch_reads_alias_files) {
  const std::string f = write("f", kFile);
  const Row rows[] = {
      {"lsearch", "a.example", "[A data]"},
      {"lsearch", "A.Example", "[A data]"},
      {"lsearch", "q k", "[quoted]"},
      {"lsearch", "cont", "[a b c]"},
      {"lsearch", "e", "[]"},
      {"lsearch", "nocolon", "[data here]"},
      {"lsearch", "up", "[upper]"},
      {"lsearch", "bad", "[:fail: no]"},
      {"lsearch", "none", "absent"},
      {"lsearch", "", "absent"},
      {"lsearch,ret=key", "UP", "[UP]"},
      {"lsearch,ret=full", "up", "[UP: upper]"},
      {"lsearch*", "zz", "[star]"},
      {"lsearch*@", "y@d.example", "[sat]"},
      {"lsearch*@", "x@d.example", "[full]"},
      {"lsearch*@", "x@e.example", "[star]"},
      {"partial-lsearch", "x.b.example", "[part]"},
      {"partial-lsearch", "b.example", "[part]"},
      {"partial3-lsearch", "x.b.example", "absent"},
      {"partial3-lsearch", "b.example", "[part]"},
      {"partial0-lsearch", "zz", "[star]"},
      {"partial(*.)lsearch", "x.y.b.example", "[part]"},
      {"partial1()lsearch", "x.y.a.example", "[A data]"},
      {"nonesuch", "a", "spec: unknown lookup type \"nonesuch\""},
      {"lsearh", "a", "spec: unknown lookup type \"lsearh\" (did you mean \"lsearch\"?)"},
      {"partial(a)lsearch", "a", "spec: format error in lookup type \"partial(a)lsearch\""},
      {"passwd*", "a", "spec: defaults using \"*\" or \"*@\" are not permitted for lookup type \"passwd*\""},
      {"oracle", "a",
       "spec: lookup type \"oracle\" is known but not supported by this version (Oracle SQL: its client library is not "
       "in "
       "Debian)"},
      {"lsearch,ret=ful", "a",
       "spec: unknown option \"ret=ful\" for lookup type \"lsearch\" (did you mean \"ret=full\"?)"},
      {"lsearch,filter=dir", "a", "spec: unknown option \"filter=dir\" for lookup type \"lsearch\""},
  };
  for (const Row& r : rows)
    BOOST_TEST(look(r.spec, r.key, f) == r.want, r.spec << " " << r.key << ": " << look(r.spec, r.key, f));
}

BOOST_AUTO_TEST_CASE(partial_matches_say_what_was_wild) {
  const std::string f = write("f", kFile);
  PartialMatch p;
  look("partial-lsearch", Text("x.b.example"), Text(f), &p);
  BOOST_TEST(p.used);
  BOOST_TEST(p.wild == "x");
  BOOST_TEST(p.fixed == "b.example");
  look("partial-lsearch", Text("b.example"), Text(f), &p);
  BOOST_TEST(p.wild == "");
  look("lsearch", Text("a.example"), Text(f), &p);
  BOOST_TEST(!p.used);
}

BOOST_AUTO_TEST_CASE(a_changed_file_is_read_again_and_a_missing_one_defers) {
  const std::string f = write("f", "k: one\n");
  BOOST_TEST(look("lsearch", "k", f) == "[one]");
  write("g", "k: another\n");
  std::filesystem::rename(dir + "/g", f);
  BOOST_TEST(look("lsearch", "k", f) == "[another]");
  std::filesystem::remove(f);
  BOOST_TEST(look("lsearch", "k", f) == "defer: failed to open " + f + " for linear search: No such file or directory");
  BOOST_TEST(look("lsearch", "k", dir) == "defer: " + dir + " is not a regular file (lsearch lookup)");
  BOOST_TEST(look("lsearch", "k", "relative").starts_with("defer: "));
}

BOOST_AUTO_TEST_CASE(a_file_is_looked_at_again_in_every_turn_of_the_loop) {
  const std::string file = write("turns", "one: 10\n");
  io::run_loop([&] {
    BOOST_TEST(look("lsearch", "ONE", file) == "[10]");
    // Written over in place, of the same size, and within what the file system can tell apart.
    for (int n = 11; n < 60; ++n) {
      write("turns", fmt::format("one: {}\n", n));
      if (n % 2 == 0)
        io::yield_fiber();
      else
        io::next_turn();
      BOOST_TEST(look("lsearch", "ONE", file) == fmt::format("[{}]", n));
    }
    // Another file in between, and the same file for another type.
    const std::string other = write("other", "one: other\n");
    for (int n = 0; n < 3; ++n) {
      BOOST_TEST(look("lsearch", "one", file) == "[59]");
      BOOST_TEST(look("wildlsearch", "one", file) == "[59]");
      BOOST_TEST(look("lsearch", "one", other) == "[other]");
    }
    return 0;
  });
}

BOOST_AUTO_TEST_CASE(handles_are_bounded) {
  services.cache.set_max_handles(3);
  for (int i = 0; i < 10; ++i) look("lsearch", "k", write(std::to_string(i), "k: v\n"));
  BOOST_TEST(services.cache.open_handles() == 3U);
}

BOOST_AUTO_TEST_CASE(tainted_file_names_are_refused) {
  const std::string f = write("f", kFile);
  BOOST_TEST(look("lsearch", Text("a"), Text::tainted(f)).starts_with("taint: "));
  BOOST_TEST(look("dsearch", Text("f"), Text::tainted(dir)).starts_with("taint: "));
}

BOOST_AUTO_TEST_CASE(dsearch_never_leaves_its_directory) {
  std::filesystem::create_directory(dir + "/sub");
  write("file", "x");
  std::filesystem::create_symlink("sub", dir + "/link");
  const Row rows[] = {
      {"dsearch", "file", "[file]"},
      {"dsearch", "link", "[link]"},
      {"dsearch,filter=file", "file", "[file]"},
      {"dsearch,filter=file", "sub", "absent"},
      {"dsearch,filter=file", "link", "absent"},
      {"dsearch,filter=dir", "sub", "[sub]"},
      {"dsearch,filter=subdir", "sub", "[sub]"},
      {"dsearch,filter=subdir", "link", "absent"},
      {"dsearch,filter=subdir", "File", "absent"},
      {"dsearch", "..", "absent"},
      {"dsearch", ".", "absent"},
      {"dsearch,filter=dir", "..", "absent"},
      {"dsearch,filter=subdir", "..", "absent"},
      {"dsearch", "", "absent"},
      {"dsearch,key=path", "sub/../file", "absent"},
      {"dsearch,key=path", "/file", "absent"},
      {"dsearch,key=path", "sub//x", "absent"},
      {"dsearch", "a/b", "defer: key for dsearch lookup contains a slash: a/b"},
      {"dsearch", "../file", "defer: key for dsearch lookup contains a slash: ../file"},
      {"dsearch,filter=bogus", "file", "spec: unknown option \"filter=bogus\" for lookup type \"dsearch\""},
  };
  for (const Row& r : rows)
    BOOST_TEST(look(r.spec, r.key, dir) == r.want, r.spec << " " << r.key << ": " << look(r.spec, r.key, dir));
  BOOST_TEST(look("dsearch,filter=subdir,ret=full", "sub", dir) == "[" + dir + "/sub]");
  BOOST_TEST(look("dsearch", std::string("file\0x", 6), dir) == "absent");
  BOOST_TEST(look("dsearch", std::string(1U << 20U, 'a'), dir) == "absent");
  BOOST_TEST(look("dsearch", std::string(5000, 'a'), dir) == "absent");
  // What the operator writes may be ".": only tainted keys are refused.
  BOOST_TEST(look("dsearch,filter=dir", Text("."), Text(dir)) == "[.]");
  BOOST_TEST(look("dsearch", "x", "relative").starts_with("defer: "));
  BOOST_TEST(look("dsearch", "x", dir + "/none").starts_with("defer: failed to open"));
  BOOST_TEST(look("dsearch", "x", dir + "/file").starts_with("defer: failed to open"));
}

BOOST_AUTO_TEST_CASE(an_unreadable_directory_defers) {
  if (::geteuid() == 0) return;  // root reads everything
  std::filesystem::create_directory(dir + "/locked");
  ::chmod((dir + "/locked").c_str(), 0);
  BOOST_TEST(look("dsearch", "x", dir + "/locked").starts_with("defer: "));
  ::chmod((dir + "/locked").c_str(), 0700);
}

BOOST_AUTO_TEST_CASE(wild_and_network_keys) {
  const std::string f = write("f", kFile);
  const std::string w =
      write("w", "*.b.c  data1\n^\\d+x  data2\n\"\\\\N^\\\\d+y\\\\N\": data3\nlsearch;" + f + " : nested\n*fish: fi\n");
  BOOST_TEST(look("nwildlsearch", "a.B.c", w) == "[data1]");
  BOOST_TEST(look("nwildlsearch", "12x", w) == "[data2]");
  BOOST_TEST(look("wildlsearch", "12y", w) == "[data3]");
  BOOST_TEST(look("wildlsearch", "12x", w) == "absent");
  BOOST_TEST(look("wildlsearch", "a.example", w) == "[nested]");
  BOOST_TEST(look("nwildlsearch", "catfish", w) == "[fi]");
  BOOST_TEST(look("nwildlsearch", "zz", w) == "absent");
  const std::string ip = write("ip", "1.2.3.4: one\n192.168.0.0/16:    net\n\"abcd:abcd::/32\"   sixnet\n*: any\n");
  BOOST_TEST(look("iplsearch", "1.2.3.4", ip) == "[one]");
  BOOST_TEST(look("iplsearch", "::ffff:1.2.3.4", ip) == "[one]");
  BOOST_TEST(look("iplsearch", "192.168.3.4", ip) == "[net]");
  BOOST_TEST(look("iplsearch", "abcd:abcd::1", ip) == "[sixnet]");
  BOOST_TEST(look("iplsearch,ret=full", "abcd:abcd::1", ip) == "[abcd:abcd::/32   sixnet]");
  BOOST_TEST(look("iplsearch", "9.9.9.9", ip) == "absent");
  BOOST_TEST(look("iplsearch*", "9.9.9.9", ip) == "[any]");
  BOOST_TEST(look("iplsearch", "junk", ip).starts_with("defer: \"junk\" is not a valid iplsearch key"));
}

BOOST_AUTO_TEST_CASE(passwd_knows_root) {
  BOOST_TEST(look("passwd", "root", "").starts_with("[*:0:0:"));
  BOOST_TEST(look("passwd", "no-such-user-here", "") == "absent");
  BOOST_TEST(look("passwd", "root:x", "") == "absent");
  BOOST_TEST(look("passwd", std::string(1U << 20U, 'r'), "") ==
             "defer: query of a passwd lookup too long: 1048576 octets, 65536 are permitted");
}

BOOST_AUTO_TEST_CASE(a_query_that_is_too_long_is_not_an_absent_one) {
  services.dns.table[{"one.example", dns::Type::a}] = {"192.0.2.1"};
  const std::string query = "a=one.example";
  BOOST_TEST(look("dnsdb", std::string((64U << 10U) - query.size(), ' ') + query, "") == "[192.0.2.1]T");
  BOOST_TEST(look("dnsdb", std::string(64U << 10U, ' ') + query, "") ==
             "defer: query of a dnsdb lookup too long: 65549 octets, 65536 are permitted");
  BOOST_TEST(look("lsearch", std::string(1U << 20U, 'a'), write("f", kFile)) == "absent");
}

BOOST_AUTO_TEST_CASE(dnsdb_asks_and_joins) {
  auto& t = services.dns.table;
  t[{"one.example", dns::Type::a}] = {"192.0.2.1", "192.0.2.2"};
  t[{"two.example", dns::Type::a}] = {"192.0.2.3"};
  t[{"one.example", dns::Type::mx}] = {"10 mx1.example", "20 mx2.example"};
  t[{"one.example", dns::Type::txt}] = {"hello"};
  t[{"example", dns::Type::ns}] = {"ns.example"};
  t[{"4.3.2.1.in-addr.arpa", dns::Type::ptr}] = {"host.example"};
  t[{"example", dns::Type::soa}] = {"ns.example hostmaster.example 1 2 3 4 5"};
  services.dns.broken = "broken.example";
  const Row rows[] = {
      {"dnsdb", "a=one.example", "[192.0.2.1\n192.0.2.2]T"},
      {"dnsdb", ">: a=one.example:two.example", "[192.0.2.1:192.0.2.2:192.0.2.3]T"},
      {"dnsdb", "mx=one.example", "[10 mx1.example\n20 mx2.example]T"},
      {"dnsdb", ">;,- mx=one.example", "[10-mx1.example;20-mx2.example]T"},
      {"dnsdb", "mxh=one.example", "[mx1.example\nmx2.example]T"},
      {"dnsdb", "one.example", "[hello]T"},
      {"dnsdb", "ptr=1.2.3.4", "[host.example]T"},
      {"dnsdb", "zns=a.b.example", "[ns.example]T"},
      {"dnsdb", "soa=example", "[ns.example]T"},
      {"dnsdb", "soa=a.b.example", "[ns.example]T"},
      {"dnsdb", ">: soa=example", "[ns.example]T"},
      {"dnsdb", ">:; soa=example", "[ns.example]T"},
      {"dnsdb", ">:,- soa=example", "[ns.example-hostmaster.example-1-2-3-4-5]T"},
      {"dnsdb", "a=none.example", "absent"},
      {"dnsdb", "a=broken.example", "defer: DNS lookup of broken.example: time-out"},
      {"dnsdb", "a=two.example:broken.example", "[192.0.2.3]T"},
      {"dnsdb", "defer_strict,a=two.example:broken.example", "defer: DNS lookup of broken.example: time-out"},
      {"dnsdb", "defer_never,a=broken.example", "absent"},
      {"dnsdb", "dnssec_strict,a=two.example", "defer: DNS lookup of two.example is not DNSSEC-authenticated"},
      {"dnsdb", "bogus=x", "defer: unsupported DNS record type \"bogus\""},
      {"dnsdb", "a=", "absent"},
  };
  for (const Row& r : rows) BOOST_TEST(look(r.spec, r.key, "") == r.want, r.key << ": " << look(r.spec, r.key, ""));
}

BOOST_AUTO_TEST_SUITE_END()
