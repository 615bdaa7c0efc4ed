// SPF: the grammar, macros with the examples of RFC 7208 7.4, check_host() with the zone of its appendix A, and the
// limits of 4.6.4.
#include <boost/test/unit_test.hpp>

#include "core/msgauth/spf.h"
#include "core/msgauth/spf_record.h"
#include "tests/unit/core_msgauth/fake_dns.h"

using namespace remex;
using namespace remex::msgauth;

BOOST_AUTO_TEST_SUITE(spf)

BOOST_AUTO_TEST_CASE(record_syntax) {
  struct {
    const char* text;
    bool good;
  } cases[] = {
      {"v=spf1", true},
      {"v=spf1 -all", true},
      {"V=SPF1 +A/24 ~MX//64 ?ptr:e.org -ALL", true},
      {"v=spf1 a:e.org/24//64 mx//128 a//0 mx/0", true},
      {"v=spf1   ip4:192.0.2.0/24  ip6:2001:db8::/32 ip6:::1 ", true},
      {"v=spf1 include:_spf.%{d2} exists:%{ir}.%{v}._spf.%{d} redirect=x.%{o}", true},
      {"v=spf1 moo.x-y_z=anything%20 -all", false},  // %2 is no macro, even in an unknown modifier
      {"v=spf1 moo.x-y_z=anything%%20 -all", true},
      {"v=spf1 a:%{d} a:%{l1r-}._spf.%{d} exp=e.%{d}", true},
      {"v=spf1 a:e.org. -all", true},
      {"v=spf1 unknown", false},
      {"v=spf1 al", false},
      {"v=spf1 -all:x.org", false},
      {"v=spf1 all/8", false},
      {"v=spf1 a:", false},
      {"v=spf1 a:/24", false},
      {"v=spf1 a/", false},
      {"v=spf1 a//", false},
      {"v=spf1 a/33", false},
      {"v=spf1 a/024", false},
      {"v=spf1 a//129", false},
      {"v=spf1 a//64/24", false},
      {"v=spf1 a:localhost", false},
      {"v=spf1 a:e.123", false},
      {"v=spf1 a:e.-org", false},
      {"v=spf1 ptr/24", false},
      {"v=spf1 include", false},
      {"v=spf1 include:e.org/24", false},
      {"v=spf1 exists:e.org//24", false},
      {"v=spf1 ip4", false},
      {"v=spf1 ip4:", false},
      {"v=spf1 ip4:1.2.3", false},
      {"v=spf1 ip4:1.2.3.4/33", false},
      {"v=spf1 ip4:1.2.3.4//24", false},
      {"v=spf1 ip4:::1", false},
      {"v=spf1 ip6:1.2.3.4", false},
      {"v=spf1 ip6:::1/129", false},
      {"v=spf1 redirect=e.org redirect=f.org", false},
      {"v=spf1 exp=e.org exp=e.org", false},
      {"v=spf1 redirect=", false},
      {"v=spf1 -redirect=e.org", false},
      {"v=spf1 a:%{x}.org", false},
      {"v=spf1 a:%{d0}.org", false},
      {"v=spf1 a:%{d", false},
      {"v=spf1 a:%{}.org", false},
      {"v=spf1 a:%{c}.org", false},
      {"v=spf1 a:e%.org", false},
      {"v=spf1 a:e.org\xc3\xa9", false},
      {"v=spf1 a:e.org\t-all", false},
      {"v=spf1 exists:%{d}%%", false},
      {"v=spf10 -all", false},
      {"spf2.0/pra -all", false},
  };
  for (const auto& c : cases) {
    auto r = parse_spf_record(c.text);
    BOOST_TEST(r.has_value() == c.good, c.text << (r ? " parsed" : ": " + r.error().text));
  }
  BOOST_TEST(!parse_spf_record("v=spf1 " + std::string(10000, 'a')).has_value());
}

BOOST_AUTO_TEST_CASE(macros_of_the_rfc) {
  SpfMacros v{.sender = "strong-bad@email.example.com",
              .domain = "email.example.com",
              .client_ip = "192.0.2.3",
              .helo = "h.example",
              .receiver = "mx.example",
              .now = 42,
              .validated_name = [] { return std::string("mx.example.org"); }};
  struct {
    const char *text, *want;
  } cases[] = {
      {"%{s}", "strong-bad@email.example.com"},
      {"%{o}", "email.example.com"},
      {"%{d}", "email.example.com"},
      {"%{d4}", "email.example.com"},
      {"%{d3}", "email.example.com"},
      {"%{d2}", "example.com"},
      {"%{d1}", "com"},
      {"%{dr}", "com.example.email"},
      {"%{d2r}", "example.email"},
      {"%{l}", "strong-bad"},
      {"%{l-}", "strong.bad"},
      {"%{lr}", "strong-bad"},
      {"%{lr-}", "bad.strong"},
      {"%{l1r-}", "strong"},
      {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
      {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
      {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
      {"%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
      {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
      {"%{S}", "strong-bad%40email.example.com"},
      {"a%%b%_c%-d", "a%b c%20d"},
      {"%{c} %{r} %{t} %{p} %{h}", "192.0.2.3 mx.example 42 mx.example.org h.example"},
  };
  for (const auto& c : cases) BOOST_TEST(expand_spf_macros(c.text, v, true).value() == c.want, c.text);
  v.client_ip = "2001:db8::cb01";
  BOOST_TEST(expand_spf_macros("%{ir}.%{v}._spf.%{d2}", v, false).value() ==
             "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com");
  v.client_ip = "::ffff:192.0.2.3";  // an IPv4 client on an IPv6 socket
  BOOST_TEST(expand_spf_macros("%{i} %{v}", v, true).value() == "192.0.2.3 in-addr");
  v.sender = std::string(60, 'a') + "." + std::string(60, 'b') + "." + std::string(60, 'c') + "." +
             std::string(60, 'd') + "." + std::string(60, 'e') + "@x";
  BOOST_TEST(expand_spf_domain("%{l}.%{d}", v).value().size() <= 253u);
  BOOST_TEST(expand_spf_domain("%{l}.%{d}", v).value().starts_with("ccc"));
  v.sender = std::string(5000, 'a') + "@x";
  BOOST_TEST(!expand_spf_macros("%{s}", v, true).has_value());
  BOOST_TEST(expand_spf_macros("%{c}", v, false).error().text.contains("macro letter"));
}

/// The zone of RFC 7208 appendix A.
struct Zone : test::TableResolver {
  Zone() {
    table = {{"example.com MX", {"10 mail-a.example.com", "10 mail-b.example.com"}},
             {"example.com A", {"192.0.2.10", "192.0.2.11"}},
             {"amy.example.com A", {"192.0.2.65"}},
             {"bob.example.com A", {"192.0.2.66"}},
             {"mail-a.example.com A", {"192.0.2.129"}},
             {"mail-b.example.com A", {"192.0.2.130"}},
             {"www.example.com CNAME", {"example.com"}},
             {"example.org MX", {"10 mail-c.example.org"}},
             {"mail-c.example.org A", {"192.0.2.140"}},
             {"10.2.0.192.in-addr.arpa PTR", {"example.com"}},
             {"11.2.0.192.in-addr.arpa PTR", {"example.com"}},
             {"65.2.0.192.in-addr.arpa PTR", {"amy.example.com"}},
             {"66.2.0.192.in-addr.arpa PTR", {"bob.example.com"}},
             {"129.2.0.192.in-addr.arpa PTR", {"mail-a.example.com"}},
             {"130.2.0.192.in-addr.arpa PTR", {"mail-b.example.com"}},
             {"140.2.0.192.in-addr.arpa PTR", {"mail-c.example.org"}},
             {"4.0.0.10.in-addr.arpa PTR", {"bob.example.com"}},
             {"mary.mobile-users._spf.example.com A", {"127.0.0.2"}},
             {"fred.mobile-users._spf.example.com A", {"127.0.0.2"}},
             {"15.15.168.192.joel.remote-users._spf.example.com A", {"127.0.0.2"}}};
  }
  void spf(const std::string& domain, const std::string& record) { table[domain + " TXT"] = {record}; }
  SpfVerdict check(const std::string& ip, const std::string& sender = "strong-bad@example.com",
                   const std::string& helo = "mx.example.org") {
    return check_spf(*this, {.client_ip = ip, .sender = sender, .helo = helo, .receiver = "mx.test", .now = 1});
  }
  std::string result(const std::string& ip, const std::string& sender = "strong-bad@example.com") {
    return std::string(to_string(check(ip, sender).result));
  }
};

BOOST_AUTO_TEST_CASE(appendix_a1) {
  struct {
    const char *record, *ip, *want;
  } cases[] = {
      {"v=spf1 +all", "203.0.113.1", "pass"},
      {"v=spf1 a -all", "192.0.2.10", "pass"},
      {"v=spf1 a -all", "192.0.2.11", "pass"},
      {"v=spf1 a -all", "192.0.2.12", "fail"},
      {"v=spf1 a:example.org -all", "192.0.2.10", "fail"},
      {"v=spf1 mx -all", "192.0.2.129", "pass"},
      {"v=spf1 mx -all", "192.0.2.130", "pass"},
      {"v=spf1 mx -all", "192.0.2.10", "fail"},
      {"v=spf1 mx:example.org -all", "192.0.2.140", "pass"},
      {"v=spf1 mx mx:example.org -all", "192.0.2.140", "pass"},
      {"v=spf1 mx mx:example.org -all", "192.0.2.129", "pass"},
      {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.131", "pass"},
      {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.143", "pass"},
      {"v=spf1 mx/30 mx:example.org/30 -all", "192.0.2.144", "fail"},
      {"v=spf1 ptr -all", "192.0.2.65", "pass"},
      {"v=spf1 ptr -all", "192.0.2.140", "fail"},
      {"v=spf1 ptr -all", "10.0.0.4", "fail"},  // its name has another address
      {"v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.65", "fail"},
      {"v=spf1 ip4:192.0.2.128/28 -all", "192.0.2.129", "pass"},
      {"v=spf1 ip4:192.0.2.128/28 ~all", "::1", "softfail"},
      {"v=spf1 ip6:2001:db8::/33 -all", "2001:db8:7fff::1", "pass"},
      {"v=spf1 ip6:2001:db8::/33 -all", "2001:db8:8000::1", "fail"},
      {"v=spf1 ip4:192.0.2.1 -all", "::ffff:192.0.2.1", "pass"},
      {"v=spf1 ?ip4:0.0.0.0/0 -all", "192.0.2.1", "neutral"},
      {"v=spf1", "192.0.2.1", "neutral"},
      {"v=spf1 redirect=example.net", "192.0.2.1", "permerror"},
      {"v=spf1 include:example.net -all", "192.0.2.1", "permerror"},
      {"v=spf1 a:nowhere.example.com ~all", "192.0.2.1", "softfail"},
  };
  for (const auto& c : cases) {
    Zone z;
    z.spf("example.com", c.record);
    BOOST_TEST(z.result(c.ip) == c.want, c.record << " " << c.ip);
  }
}

BOOST_AUTO_TEST_CASE(appendix_a2_multiple_domains) {
  Zone z;
  z.spf("example.org", "v=spf1 include:example.com include:example.net -all");
  z.spf("la.example.org", "v=spf1 redirect=example.org");
  z.spf("example.com", "v=spf1 mx -all");
  z.spf("example.net", "v=spf1 ip4:198.51.100.1 -all");
  BOOST_TEST(z.result("192.0.2.129", "u@la.example.org") == "pass");
  BOOST_TEST(z.result("198.51.100.1", "u@example.org") == "pass");
  BOOST_TEST(z.result("198.51.100.2", "u@example.org") == "fail");
  z.spf("example.net", "v=spf1 foo");
  BOOST_TEST(z.result("198.51.100.1", "u@example.org") == "permerror");
  z.table["example.net TXT"] = {"TRY"};
  BOOST_TEST(z.result("198.51.100.1", "u@example.org") == "temperror");
  BOOST_TEST(z.result("192.0.2.129", "u@example.org") == "pass");  // decided before
}

BOOST_AUTO_TEST_CASE(appendix_a4_macros) {
  Zone z;
  z.spf("example.com", "v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all");
  z.spf("mobile-users._spf.example.com", "v=spf1 exists:%{l1r+}.mobile-users._spf.example.com");
  z.spf("remote-users._spf.example.com", "v=spf1 exists:%{ir}.%{l1r+}.remote-users._spf.example.com");
  BOOST_TEST(z.result("203.0.113.9", "mary@example.com") == "pass");
  BOOST_TEST(z.result("203.0.113.9", "mary+tag@example.com") == "pass");
  BOOST_TEST(z.result("203.0.113.9", "joel@example.com") == "fail");
  BOOST_TEST(z.result("192.168.15.15", "joel@example.com") == "pass");
}

BOOST_AUTO_TEST_CASE(what_has_no_result) {
  Zone z;
  z.spf("example.com", "v=spf1 -all");
  BOOST_TEST(z.result("192.0.2.1", "u@example.net") == "none");
  BOOST_TEST(z.result("192.0.2.1", "u@localhost") == "none");
  BOOST_TEST(z.result("192.0.2.1", "u@" + std::string(64, 'x') + ".com") == "none");
  BOOST_TEST(z.result("192.0.2.1", "u@a..example.com") == "none");
  BOOST_TEST(z.result("192.0.2.1", "u@[192.0.2.1]") == "none");
  BOOST_TEST(z.result("", "u@example.com") == "none");
  BOOST_TEST(z.result("junk", "u@example.com") == "none");
  BOOST_TEST(z.asked.size() == 1u);  // nothing was asked for the malformed ones
  z.table["example.com TXT"] = {"v=spf1 -all", "v=spf1 +all"};
  BOOST_TEST(z.result("192.0.2.1") == "permerror");
  z.table["example.com TXT"] = {"v=spf10 -all", "other", "V=spf1 ~all"};
  BOOST_TEST(z.result("192.0.2.1") == "softfail");
  z.table["example.com TXT"] = {"TRY"};
  BOOST_TEST(z.result("192.0.2.1") == "temperror");
}

BOOST_AUTO_TEST_CASE(null_sender_and_missing_local_part) {
  Zone z;
  z.spf("mx.example.org", "v=spf1 exists:%{l}.%{d} -all");
  z.table["postmaster.mx.example.org A"] = {"127.0.0.1"};
  auto v = z.check("192.0.2.1", "");
  BOOST_TEST(to_string(v.result) == "pass");
  BOOST_TEST(v.from_helo);
  BOOST_TEST(v.sender == "postmaster@mx.example.org");
  BOOST_TEST(to_string(z.check("192.0.2.1", "@mx.example.org").result) == "pass");
}

BOOST_AUTO_TEST_CASE(limits) {
  Zone z;
  const auto many = [](const std::string& term, int n) {
    std::string r = "v=spf1";
    for (int i = 0; i < n; ++i) r += " " + term;
    return r + " -all";
  };
  z.spf("example.com", many("a:bob.example.com", 10));
  BOOST_TEST(z.result("203.0.113.1") == "fail");
  z.spf("example.com", many("a:bob.example.com", 11));
  BOOST_TEST(z.result("203.0.113.1") == "permerror");
  z.spf("example.com", many("a:x.example.com", 2));
  BOOST_TEST(z.result("203.0.113.1") == "fail");
  z.spf("example.com", many("a:x.example.com", 3));  // a third lookup without an answer
  BOOST_TEST(z.result("203.0.113.1") == "permerror");
  z.spf("example.com", many("ip4:203.0.113.2", 100));
  BOOST_TEST(z.result("203.0.113.1") == "fail");

  z.spf("loop.example.com", "v=spf1 include:loop.example.com -all");
  BOOST_TEST(z.result("203.0.113.1", "u@loop.example.com") == "permerror");
  z.spf("loop.example.com", "v=spf1 redirect=loop.example.com");
  z.asked.clear();
  BOOST_TEST(z.result("203.0.113.1", "u@loop.example.com") == "permerror");
  BOOST_TEST(z.asked.size() <= 11u);

  auto& mx = z.table["big.example.com MX"];
  for (int i = 0; i < 10; ++i) mx.push_back("10 h" + std::to_string(i) + ".example.com");
  for (int i = 0; i < 10; ++i) z.table["h" + std::to_string(i) + ".example.com A"] = {"192.0.2." + std::to_string(i)};
  z.spf("example.com", "v=spf1 mx:big.example.com -all");
  BOOST_TEST(z.result("192.0.2.9") == "pass");
  mx.push_back("10 h10.example.com");
  BOOST_TEST(z.result("192.0.2.9") == "permerror");

  // of a hundred names of a client ten are looked at
  auto& ptr = z.table["1.113.0.203.in-addr.arpa PTR"];
  for (int i = 0; i < 100; ++i) ptr.push_back("n" + std::to_string(i) + ".example.com");
  z.table["n9.example.com A"] = {"203.0.113.1"};
  z.table["n10.example.com A"] = {"203.0.113.1"};
  z.spf("example.com", "v=spf1 ptr -all");
  z.asked.clear();
  BOOST_TEST(z.result("203.0.113.1") == "pass");
  z.table.erase("n9.example.com A");
  BOOST_TEST(z.result("203.0.113.1") == "fail");
  BOOST_TEST(z.asked.size() <= 24u);
  z.table["1.113.0.203.in-addr.arpa PTR"] = {"TRY"};
  BOOST_TEST(z.result("203.0.113.1") == "fail");  // no match, not an error (5.5)
}

BOOST_AUTO_TEST_CASE(dns_failures) {
  Zone z;
  z.table["bob.example.com A"] = {"TRY"};
  z.spf("example.com", "v=spf1 a:bob.example.com -all");
  BOOST_TEST(z.result("203.0.113.1") == "temperror");
  z.spf("example.com", "v=spf1 exists:bob.example.com -all");
  BOOST_TEST(z.result("203.0.113.1") == "temperror");
  z.table["example.com MX"] = {"10 bob.example.com"};
  z.spf("example.com", "v=spf1 mx -all");
  auto v = z.check("203.0.113.1");
  BOOST_TEST(to_string(v.result) == "temperror");
  BOOST_TEST(v.why.contains("bob.example.com"));
  z.spf("example.com", "v=spf1 ip4:203.0.113.1 a:bob.example.com -all");
  BOOST_TEST(z.result("203.0.113.1") == "pass");
}

BOOST_AUTO_TEST_CASE(explanations) {
  Zone z;
  z.spf("example.com", "v=spf1 mx -all exp=explain._spf.%{d}");
  z.table["explain._spf.example.com TXT"] = {"See http://%{d}/why.html?s=%{S}&i=%{I} from %{r}"};
  auto v = z.check("203.0.113.1", "a b@example.com");
  BOOST_TEST(v.explanation == "See http://example.com/why.html?s=a%20b%40example.com&i=203.0.113.1 from mx.test");
  const SpfQuery q{.client_ip = "203.0.113.1", .sender = "a b@example.com", .receiver = "mx.test"};
  BOOST_TEST(spf_smtp_comment(v, q, "no") == v.explanation);
  for (const char* text : {"bad %{x}", "line\nbreak", "\xc3\xa9", ""}) {
    z.table["explain._spf.example.com TXT"] = {text};
    BOOST_TEST(z.check("203.0.113.1").explanation == "", text);
  }
  z.table["explain._spf.example.com TXT"] = {std::string(600, 'x')};
  BOOST_TEST(z.check("203.0.113.1").explanation == "");
  z.table["explain._spf.example.com TXT"] = {"one", "two"};
  BOOST_TEST(z.check("203.0.113.1").explanation == "");
  z.table["explain._spf.example.com TXT"] = {"TRY"};
  BOOST_TEST(z.check("203.0.113.1").explanation == "");
  // of the redirected domain yes, of an included one no (6.2)
  z.table["explain._spf.example.com TXT"] = {"why"};
  z.spf("r.example.com", "v=spf1 redirect=example.com");
  BOOST_TEST(z.check("203.0.113.1", "u@r.example.com").explanation == "why");
  z.spf("i.example.com", "v=spf1 include:example.com -all");
  BOOST_TEST(z.check("203.0.113.1", "u@i.example.com").explanation == "");
}

BOOST_AUTO_TEST_CASE(guessing) {
  Zone z;
  const auto guess = [&](const std::string& sender, const std::string& record) {
    return check_spf(z, {.client_ip = "192.0.2.10", .sender = sender, .receiver = "mx.test", .guess = record});
  };
  auto v = guess("u@example.com", "v=spf1 a/24 mx/24 ptr ?all");
  BOOST_TEST(to_string(v.result) == "pass");
  BOOST_TEST(v.guessed);
  z.spf("example.com", "v=spf1 -all");
  v = guess("u@example.com", "v=spf1 a/24 mx/24 ptr ?all");
  BOOST_TEST(to_string(v.result) == "fail");
  BOOST_TEST(!v.guessed);
  BOOST_TEST(to_string(guess("u@example.org", "v=spf1 nonsense").result) == "permerror");
}

BOOST_AUTO_TEST_CASE(texts_are_safe) {
  Zone z;
  z.spf("example.com", "v=spf1 -all");
  const SpfQuery q{
      .client_ip = "192.0.2.1", .sender = "a)(b\\\"; x=\"@example.com", .helo = "h)\r\nX: y", .receiver = "mx.test"};
  auto v = check_spf(z, q);
  const std::string header = received_spf_header(v, q);
  BOOST_TEST(header.find('\n') == std::string::npos);
  BOOST_TEST(header.find('\r') == std::string::npos);
  BOOST_TEST(header.contains("envelope-from=\"a)(b\\\\\\\"; x=\\\"@example.com\";"));
  BOOST_TEST(
      header.starts_with("Received-SPF: fail (mx.test: domain of example.com does not designate 192.0.2.1 as "
                         "permitted sender) client-ip=192.0.2.1;"));
  auto none = check_spf(z, {.client_ip = "192.0.2.1", .sender = "u@evil(.example", .receiver = "mx.test"});
  BOOST_TEST(spf_comment(none, q) == "mx.test: domain of evil\\(.example does not provide an SPF record");
  BOOST_TEST(spf_smtp_comment(none, q, "x") == "");
  BOOST_TEST(spf_smtp_comment(v, q, "Please%_see%_http://www.open-spf.org/Why") ==
             "Please see http://www.open-spf.org/Why : Reason: mechanism");
}

BOOST_AUTO_TEST_SUITE_END()
