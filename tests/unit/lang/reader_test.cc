// Logical lines, sections and drivers.
#include <unistd.h>
#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>

#include "reader_fixture.h"

using namespace remex::lang;
using namespace remex::lang::test;

BOOST_AUTO_TEST_SUITE(reader)

BOOST_AUTO_TEST_CASE(main_section_values) {
  auto l = load(
      "# comment\n\nprimary_hostname = mx.example.org   \nno_accept_8bitmime\nsmtp_accept_max = 0x10\n  "
      "auto_thaw=1d12h\n"
      "deliver_queue_load_max = 2.5\ndelay_warning = 1h:4h : 1d\ndns_resolvers = <; [::1]:53 ; [127.0.0.1]:5353\n");
  BOOST_TEST_REQUIRE(static_cast<bool>(l->config), l->diag.render());
  const MainOptions& m = l->config->main;
  BOOST_TEST(m.primary_hostname == "mx.example.org");
  BOOST_TEST(!m.accept_8bitmime);
  BOOST_TEST(m.smtp_accept_max == 16);
  BOOST_TEST(m.auto_thaw == 129600);
  BOOST_TEST(m.deliver_queue_load_max == 2500);
  BOOST_TEST(m.delay_warning == (std::vector<std::int64_t>{3600, 14400, 86400}), boost::test_tools::per_element());
  BOOST_TEST(m.dns_resolvers == (std::vector<std::string>{"[::1]:53", "[127.0.0.1]:5353"}),
             boost::test_tools::per_element());
  BOOST_TEST(m.qualify_domain == "mx.example.org");
}

BOOST_AUTO_TEST_CASE(continuation_and_quotes) {
  struct Row {
    const char *text, *value;
  };
  const Row rows[] = {
      {"primary_hostname = a\\\n   # in between\n   b", "ab"},
      {"primary_hostname = a \\   \n   b", "a b"},
      {"primary_hostname = a # b", "a # b"},
      {"primary_hostname = \"a\\x41\\102\\t\\\"\\q \"", "aAB\t\"q "},
      {"primary_hostname = a\\", "a"},
      {"primary_hostname = a \\\n.ifdef NOTHING\nb\\\n.else\nc\\\n.endif\nd", "a cd"},
  };
  for (const Row& r : rows) {
    auto l = load(r.text);
    BOOST_TEST_REQUIRE(static_cast<bool>(l->config), r.text << "\n" << l->diag.render());
    BOOST_TEST(l->config->main.primary_hostname == r.value, r.text);
  }
}

BOOST_AUTO_TEST_CASE(wrong_configurations) {
  struct Row {
    const char *text, *codes;
  };
  const Row rows[] = {
      {"primary_hostnam = x", "unknown-option"},
      {"smtp_accept_max = 12x", "bad-integer"},
      {"smtp_accept_max = 99999999999999999999", "bad-integer"},
      {"smtp_accept_max = 9G9", "bad-integer"},
      {"auto_thaw = 5x", "bad-time"},
      {"auto_thaw = 5", "bad-time"},
      {"deliver_queue_load_max = 1.2345", "bad-fixed"},
      {"deliver_queue_load_max = -1", "bad-fixed"},
      {"accept_8bitmime = maybe", "bad-boolean"},
      {"no_accept_8bitmime = true", "negated-value"},
      {"no_primary_hostname", "unknown-option"},
      {"primary_hostname", "missing-value"},
      {"primary_hostname x", "missing-equals"},
      {"primary_hostname = \"x", "missing-quote"},
      {"primary_hostname = \"x\" y", "after-quote"},
      {"primary_hostname = a\nprimary_hostname = b", "option-twice"},
      {"prdr_enable", "not-supported"},
      {"prdr_enable = false", ""},
      {"no_prdr_enable", ""},
      {"rfc1413_query_timeout = 0s", ""},
      {"rfc1413_query_timeout = 3s", "not-supported"},
      {".endif", "stray-directive"},
      {".ifdef X\nprimary_hostname = a", "missing-endif"},
      {".ifdef X\n.else\n.else\n.endif", "stray-directive"},
      {".include", "include-name"},
      {".include /nonexistent/file", "cannot-read"},
      {".include_if_exists relative", "include-name"},
      {".include_if_exists /nonexistent/file", ""},
      {".include t.conf", "include-loop"},
      {".incl x", "no-option"},
      {"begin nonsense\nfoo\nbegin routers", "unknown-section"},
      {"begin retry\nbegin retry", "section-twice"},
      {"domainlist a = x\ndomainlist a = y", "duplicate-list"},
      {"domainlist = x", "list-name"},
      {"begin routers\nr:\n condition = x", "missing-driver"},
      {"begin routers\nr:\n driver = redirct", "unknown-driver"},
      {"begin routers\nr:\n driver = iplookup", "not-supported"},
      {"begin routers\nr:\n data = x\n driver = redirect", "unknown-option"},
      {"begin routers\nr:\n driver = redirect\nr:\n driver = redirect", "duplicate-driver"},
      {"begin routers\n driver = redirect", "driver-name"},
      {"begin routers\nr:\n driver = redirect\n mode = 9", "bad-octal"},
      {"begin routers\nr:\n driver = redirect\n data = a\n data = b", "option-twice"},
      {"begin routers\nr:\n driver = redirect\n condition = true\n condition = false", ""},
      {"begin routers\nr:\n driver = redirect\n transport = tt\nbegin transports\nt1:\n driver = smtp",
       "unknown-transport"},
      {"begin routers\nr:\n driver = redirect\n pass_router = r", "router-order"},
      {"begin routers\nr:\n driver = redirect\n pass_router = q", "unknown-router"},
      {"acl_smtp_rcpt = check\nbegin acl\nchek:\n accept", "unknown-acl"},
      {"begin acl\na:\n accept\na:\n deny", "duplicate-acl"},
      {"begin acl\n accept", "acl-name"},
      {"begin retry\n* * X,3h", "retry-letter"},
      {"begin retry\n* * F,3h", "retry-parameters"},
      {"begin retry\n* * G,3h,1h,0.5", "retry-parameters"},
      {"begin retry\n* * F,3h,5", "bad-time"},
      {"begin retry\n* bad F,3h,5m", "retry-error"},
      {"begin retry\n*", "retry-error"},
      {"begin retry\n* * F,2h,15m; G,16h,1h,1.5; F,4d,6h", ""},
      {"begin retry\n* quota_7d\n* rcpt_4xx senders=: F,1h,10m", ""},
      {"begin rewrite\n* x Z", "rewrite-flag"},
      {"begin rewrite\n*@a b@c Ef", ""},
      {"begin rewrite\n^x y@z S\n*@a *", ""},
      {"begin rewrite\n*@a b@c S", "rewrite-flag"},
      {"begin rewrite\n*@a", "rewrite-replacement"},
  };
  for (const Row& r : rows) {
    auto l = load(r.text);
    BOOST_TEST(l->codes() == r.codes, r.text << "\n" << l->diag.render());
    BOOST_TEST(static_cast<bool>(l->config) == (*r.codes == '\0'), r.text);
  }
}

BOOST_AUTO_TEST_CASE(all_errors_at_once_in_order) {
  auto l = load("smtp_accept_max = x\nauto_thaw = y\nbegin routers\nr:\n driver = redirect\n nope = 1\n");
  BOOST_TEST(l->codes() == "bad-integer bad-time unknown-option");
}

BOOST_AUTO_TEST_CASE(retry_steps) {
  auto l = load("begin retry\nexample.org refused_MX senders=a@b F,2h,15m; G,16h,1h,1.5\n");
  BOOST_TEST_REQUIRE(static_cast<bool>(l->config), l->diag.render());
  const RetryRule& r = l->config->retry.at(0);
  BOOST_TEST(r.pattern_text == "example.org");
  BOOST_TEST(r.error == "refused_MX");
  BOOST_TEST(r.senders.is_set());
  BOOST_TEST(r.steps.size() == 2U);
  BOOST_TEST(r.steps[1].kind == 'G');
  BOOST_TEST(r.steps[1].factor == 1500);
}

BOOST_AUTO_TEST_CASE(includes_keep_places) {
  const auto dir = std::filesystem::temp_directory_path() / ("remex_reader_" + std::to_string(::getpid()));
  std::filesystem::create_directories(dir);
  std::ofstream(dir / "b.conf") << "smtp_accept_max = bad\n";
  std::ofstream(dir / "a.conf") << "primary_hostname = x\n.include b.conf\nauto_thaw = bad\n";
  auto files = std::make_shared<SourceFiles>();
  Diagnostics diag(*files);
  auto c = load_config((dir / "a.conf").string(), {}, registries(), diag, files);
  BOOST_TEST(!c);
  BOOST_TEST_REQUIRE(diag.all().size() == 2U);
  BOOST_TEST(files->where(diag.all()[0].pos) == (dir / "b.conf").string() + ":1");
  BOOST_TEST(files->where(diag.all()[1].pos) == (dir / "a.conf").string() + ":3");
  std::filesystem::remove_all(dir);
}

BOOST_AUTO_TEST_SUITE_END()
