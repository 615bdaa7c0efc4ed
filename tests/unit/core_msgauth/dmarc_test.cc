// DMARC: records, where they are looked for, alignment and what follows (RFC 7489).
#include <boost/test/unit_test.hpp>

#include "core/msgauth/dmarc.h"
#include "core/msgauth/public_suffix.h"
#include "tests/unit/core_msgauth/fake_dns.h"

using namespace remex;
using namespace remex::msgauth;

namespace {

struct World : test::TableResolver {
  std::shared_ptr<const PublicSuffixes> suffixes = PublicSuffixes::load("").value();
  std::vector<DkimSignature> signatures;
  DmarcQuery q;

  World() {
    q.organizational = [this](std::string_view d) { return suffixes->organizational(d); };
    q.authors = {"example.org"};
  }
  void record(const std::string& domain, const std::string& text) { table["_dmarc." + domain + " TXT"] = {text}; }
  void signed_by(const std::string& domain, DkimStatus status = DkimStatus::pass) {
    DkimSignature s;
    s.status = status;
    s.domain = domain;
    signatures = {s};
  }
  DmarcVerdict check() {
    q.signatures = signatures;
    return check_dmarc(*this, q);
  }
  std::string status() { return std::string(to_string(check().status)); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(dmarc)

BOOST_AUTO_TEST_CASE(records) {
  auto r = parse_dmarc_record("v=DMARC1; p=reject; sp=none; adkim=s; aspf=S; pct=20; rua=mailto:a@b.c; x=y");
  BOOST_TEST_REQUIRE(r.has_value());
  BOOST_TEST((r->policy == DmarcPolicy::reject && r->subdomain_policy == DmarcPolicy::none));
  BOOST_TEST((r->strict_dkim && r->strict_spf && r->percent == 20 && r->rua == "mailto:a@b.c"));
  BOOST_TEST(parse_dmarc_record("v=DMARC1;p=Quarantine;").has_value());
  BOOST_TEST(parse_dmarc_record("v=DMARC1; p=none; pct=200")->percent == 100u);
  for (const char* bad : {"", "p=reject", "v=dmarc1; p=reject", "v=DMARC1", "v=DMARC1; p=maybe", "v=DMARC2; p=none",
                          "p=none; v=DMARC1", "v=DMARC1; p", "v=DMARC1; v=DMARC1; p=maybe"})
    BOOST_TEST(!parse_dmarc_record(bad).has_value(), bad);
  // behind v= and p= a slip costs its own tag only (6.3)
  for (const char* slip :
       {"v=DMARC1; p=reject;; rua=mailto:a@b.c; adkim=s", "v=DMARC1; p=reject; junk; rua=mailto:a@b.c; adkim=s",
        "v=DMARC1; p=reject; =x; rua=mailto:a@b.c; adkim=s", "v=DMARC1; p=reject; rua=mailto:a@b.c; adkim=s; pct",
        "v=DMARC1; p=reject; rua=mailto:a@b.c; rua=mailto:d@e.f; adkim=s",
        "v=DMARC1; p=reject; p=none; rua=mailto:a@b.c; adkim=s",
        "v = DMARC1 ; p = reject; rua=mailto:a@b.c; adkim=s; 7=8;; ;"}) {
    r = parse_dmarc_record(slip);
    BOOST_TEST((r && r->policy == DmarcPolicy::reject && r->rua == "mailto:a@b.c" && r->strict_dkim), slip);
  }
  // who wants reports is taken to mean "none"
  r = parse_dmarc_record("v=DMARC1; p=maybe; rua=mailto:a@b.c");
  BOOST_TEST((r && r->policy == DmarcPolicy::none));
  r = parse_dmarc_record("v=DMARC1; p=reject; sp=maybe; rua=mailto:a@b.c");
  BOOST_TEST((r && r->policy == DmarcPolicy::none && !r->subdomain_policy));
  BOOST_TEST(!parse_dmarc_record("v=DMARC1; p=reject; x=" + std::string(100000, 'y')).has_value());
}

BOOST_AUTO_TEST_CASE(authors) {
  const auto of = [](std::vector<std::string> values) {
    auto r = author_domains(values);
    return r ? join(*r, " ") : "!" + r.error().text;
  };
  BOOST_TEST(of({"A <u@Example.ORG>"}) == "example.org");
  BOOST_TEST(of({"u@b\xc3\xbc"
                 "cher.example"}) == "xn--bcher-kva.example");
  BOOST_TEST(of({"a@x.org, b@y.org, c@X.org"}) == "x.org y.org");
  BOOST_TEST(of({}) == "!No From: header");
  BOOST_TEST(of({"a@x.org", "a@x.org"}) == "!more than one From: header");
  BOOST_TEST(of({"undisclosed:;"}) == "!no domain in From:");
  BOOST_TEST(of({"a@localhost"}) == "!no domain in From:");
  BOOST_TEST(of({"<<>>"}).starts_with("!"));
  BOOST_TEST(of({"a@a.org, b@b.org, c@c.org, d@d.org, e@e.org"}) == "!too many domains in From:");
  std::string thousand;
  for (int i = 0; i < 1000; ++i) thousand += "a@d" + std::to_string(i) + ".org, ";
  BOOST_TEST(of({thousand + "z@z.org"}) == "!too many domains in From:");
}

BOOST_AUTO_TEST_CASE(alignment) {
  struct {
    const char *record, *spf_domain, *signer, *want;
  } cases[] = {
      {"v=DMARC1; p=reject", "example.org", "", "accept"},
      {"v=DMARC1; p=reject", "mail.example.org", "", "accept"},
      {"v=DMARC1; p=reject; aspf=s", "mail.example.org", "", "reject"},
      {"v=DMARC1; p=reject; aspf=s", "EXAMPLE.org", "", "accept"},
      {"v=DMARC1; p=quarantine", "example.com", "", "quarantine"},
      {"v=DMARC1; p=none", "example.com", "", "none"},
      {"v=DMARC1; p=reject", "", "example.org", "accept"},
      {"v=DMARC1; p=reject", "", "news.example.org", "accept"},
      {"v=DMARC1; p=reject; adkim=s", "", "news.example.org", "reject"},
      {"v=DMARC1; p=reject", "", "org", "reject"},
      {"v=DMARC1; p=reject", "", "badexample.org", "reject"},
      {"v=DMARC1; p=reject", "", "", "reject"},
  };
  for (const auto& c : cases) {
    World w;
    w.record("example.org", c.record);
    w.q.spf = *c.spf_domain != '\0' ? SpfResult::pass : SpfResult::none;
    w.q.spf_domain = c.spf_domain;
    if (*c.signer != '\0') w.signed_by(c.signer);
    BOOST_TEST(w.status() == c.want, c.record << " spf " << c.spf_domain << " dkim " << c.signer);
  }
  World w;
  w.record("example.org", "v=DMARC1; p=reject");
  w.signed_by("example.org", DkimStatus::fail);
  w.q.spf = SpfResult::softfail;
  w.q.spf_domain = "example.org";
  BOOST_TEST(w.status() == "reject");
  w.signed_by("example.org");
  w.signatures[0].body_length = 10;
  w.signatures[0].body_octets = 20;
  BOOST_TEST(w.status() == "reject");  // text was added behind what was signed
}

BOOST_AUTO_TEST_CASE(where_the_record_is) {
  World w;
  w.q.authors = {"a.b.example.co.uk"};
  BOOST_TEST(w.status() == "norecord");
  BOOST_TEST(w.asked.size() == 2u);
  w.record("example.co.uk", "v=DMARC1; p=reject; sp=quarantine");
  auto v = w.check();
  BOOST_TEST(to_string(v.status) == "quarantine");
  BOOST_TEST(v.used_domain == "example.co.uk");
  BOOST_TEST((v.policy == DmarcPolicy::quarantine));
  w.record("example.co.uk", "v=DMARC1; p=reject");
  BOOST_TEST(w.status() == "reject");
  w.record("a.b.example.co.uk", "v=DMARC1; p=none");
  BOOST_TEST(w.status() == "none");
  w.record("co.uk", "v=DMARC1; p=reject");
  w.q.authors = {"other.co.uk"};
  BOOST_TEST(w.status() == "norecord");  // a public suffix speaks for nobody
  w.table["_dmarc.other.co.uk TXT"] = {"v=DMARC1; p=reject", "v=DMARC1; p=reject"};
  BOOST_TEST(w.status() == "norecord");
  w.table["_dmarc.other.co.uk TXT"] = {"v=spf1 -all", "v=DMARC1; p=reject"};
  BOOST_TEST(w.status() == "reject");
  w.table["_dmarc.other.co.uk TXT"] = {"TRY"};
  BOOST_TEST(w.status() == "temperror");
  // several records, or one that says nothing usable, end the search (6.6.3 steps 5 and 6); other texts do not
  w.q.authors = {"sub.example.net"};
  w.record("example.net", "v=DMARC1; p=reject");
  w.table["_dmarc.sub.example.net TXT"] = {"v=DMARC1; p=none", "v=DMARC1; p=none"};
  BOOST_TEST(w.status() == "norecord");
  w.record("sub.example.net", "v=DMARC1; p=maybe");
  BOOST_TEST(w.status() == "norecord");
  for (const char* other : {"v=DMARC10; p=none", "v=spf1 -all", "DMARC1", ""}) {
    w.record("sub.example.net", other);
    BOOST_TEST(w.status() == "reject", other);
  }
}

BOOST_AUTO_TEST_CASE(what_could_not_be_checked) {
  World w;
  w.record("example.org", "v=DMARC1; p=reject");
  w.q.spf = SpfResult::temperror;
  w.q.spf_domain = "example.org";
  BOOST_TEST(w.status() == "temperror");
  w.q.spf_domain = "example.net";
  BOOST_TEST(w.status() == "reject");  // of another domain: it would not have helped
  w.signed_by("example.org", DkimStatus::invalid);
  w.signatures[0].temporary = true;
  BOOST_TEST(w.status() == "temperror");
}

BOOST_AUTO_TEST_CASE(sampling_and_several_authors) {
  World w;
  w.record("example.org", "v=DMARC1; p=reject; pct=30");
  w.q.sample = 29;
  BOOST_TEST(w.status() == "reject");
  w.q.sample = 30;
  BOOST_TEST(w.status() == "quarantine");
  BOOST_TEST(w.check().sampled_out);
  w.record("example.org", "v=DMARC1; p=quarantine; pct=0");
  w.q.sample = 0;
  BOOST_TEST(w.status() == "none");
  w.record("example.com", "v=DMARC1; p=reject");
  w.q.authors = {"example.org", "example.com"};
  w.signed_by("example.org");
  auto v = w.check();
  BOOST_TEST(to_string(v.status) == "reject");
  BOOST_TEST(v.from_domain == "example.com");
}

BOOST_AUTO_TEST_CASE(suffix_lists) {
  BOOST_TEST(!PublicSuffixes::load("/nonexistent/list").has_value());
  BOOST_TEST(!PublicSuffixes::load("/dev/null").has_value());
  auto list = PublicSuffixes::load("").value();
  BOOST_TEST(list->organizational("www.example.co.uk") == "example.co.uk");
  BOOST_TEST(list->organizational("co.uk") == "co.uk");
  BOOST_TEST(list->organizational("") == "");
}

BOOST_AUTO_TEST_SUITE_END()
