// TLSA records and SOCKS proxies of the smtp transport: what is foreign or written by hand, taken apart.
#include <boost/test/unit_test.hpp>

#include "transports/smtp_dane.h"
#include "transports/smtp_socks.h"

using namespace remex;
using namespace remex::transports;

namespace {

class TlsaResolver : public dns::Resolver {
 public:
  dns::Answer answer;
  std::string asked;
  dns::Answer query(std::string_view name, dns::Type) override {
    asked = name;
    return answer;
  }
  void records(const std::vector<std::string>& rdata, bool secure = true) {
    answer.outcome = dns::Outcome::found;
    answer.secure = secure;
    answer.records.clear();
    for (const std::string& raw : rdata) {
      dns::Record r;
      r.type = dns::Type::tlsa;
      r.raw = raw;
      answer.records.push_back(r);
    }
  }
};

std::string rdata(int usage, int selector, int matching, const std::string& data) {
  return std::string{static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)} + data;
}

const std::string k32(32, 'h'), k64(64, 'h');
using Kind = TlsaAnswer::Kind;

}  // namespace

BOOST_AUTO_TEST_SUITE(smtp_dane)

BOOST_AUTO_TEST_CASE(which_records_count) {
  TlsaResolver r;
  const auto kind = [&](std::vector<std::string> records, bool secure = true) {
    r.records(records, secure);
    return find_tlsa(r, "mx.test", 25).kind;
  };
  BOOST_CHECK(kind({rdata(3, 1, 1, k32)}) == Kind::usable);
  BOOST_TEST(r.asked == "_25._tcp.mx.test");
  BOOST_CHECK(kind({rdata(3, 1, 1, k32)}, false) == Kind::none);
  BOOST_CHECK(kind({rdata(2, 0, 2, k64)}) == Kind::usable);
  BOOST_CHECK(kind({rdata(3, 0, 0, "x")}) == Kind::usable);
  for (const std::string& bad :
       {rdata(0, 1, 1, k32), rdata(1, 1, 1, k32), rdata(3, 2, 1, k32), rdata(3, 1, 3, k32), rdata(3, 1, 1, k64),
        rdata(3, 1, 2, k32), rdata(3, 1, 0, ""), rdata(255, 255, 255, "x"), std::string("\3\1"), std::string()})
    BOOST_CHECK(kind({bad}) == Kind::unusable);
  BOOST_CHECK(kind({rdata(1, 1, 1, k32), rdata(3, 1, 1, k32)}) == Kind::usable);
  BOOST_TEST(find_tlsa(r, "mx.test", 25).usages == 0b1010u);
  BOOST_TEST(find_tlsa(r, "mx.test", 25).records.size() == 1u);
  r.records(std::vector<std::string>(500, rdata(3, 1, 1, k32)));
  BOOST_TEST(find_tlsa(r, "mx.test", 25).records.size() == 50u);
  r.answer = {};
  r.answer.why = "SERVFAIL";
  BOOST_CHECK(find_tlsa(r, "mx.test", 25).kind == Kind::trouble);
  r.answer.outcome = dns::Outcome::no_name;
  BOOST_CHECK(find_tlsa(r, "mx.test", 25).kind == Kind::none);
}

BOOST_AUTO_TEST_CASE(what_is_no_certificate_fits_nothing) {
  const TlsaRecord any{3, 0, 0, "junk"};
  const std::vector<std::string> chain{"junk"}, none, names{"mx.test"};
  BOOST_TEST(dane_objection(none, std::span(&any, 1), names) == "the server showed no readable certificate");
  BOOST_TEST(dane_objection(chain, std::span(&any, 1), names) == "the server showed no readable certificate");
}

BOOST_AUTO_TEST_CASE(proxies_are_parsed) {
  auto p = parse_socks_proxies("192.0.2.1 : 192.0.2.2 port=99 auth=name name=u pass=p=q tmo=7 pri=3 weight=2");
  BOOST_TEST_REQUIRE(p.has_value());
  BOOST_TEST_REQUIRE(p->size() == 2u);
  BOOST_TEST(((*p)[0].at.port == 1080 && !(*p)[0].authenticate && (*p)[0].timeout.count() == 5));
  BOOST_TEST(((*p)[1].at.port == 99 && (*p)[1].authenticate && (*p)[1].name == "u" && (*p)[1].password == "p=q"));
  BOOST_TEST(((*p)[1].timeout.count() == 7 && (*p)[1].priority == 3 && (*p)[1].weight == 2));
  BOOST_TEST(parse_socks_proxies("")->empty());
  BOOST_TEST(parse_socks_proxies("<; 2001:db8::1 port=1")->at(0).at.is_v6());
  for (const char* bad : {"host", "192.0.2.1 port=0", "192.0.2.1 port=65536", "192.0.2.1 auth=x", "192.0.2.1 what=1",
                          "192.0.2.1 tmo=-1", "192.0.2.1 pass", "192.0.2.1 tmo=x"})
    BOOST_TEST(!parse_socks_proxies(bad).has_value(), bad);
  BOOST_TEST(!parse_socks_proxies("192.0.2.1 name=" + std::string(300, 'n')).has_value());
  const auto secret = parse_socks_proxies("192.0.2.1 pass=" + std::string(300, 's'));
  BOOST_TEST(secret.error().text.find("sss") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(proxies_are_ordered) {
  const auto order = [](const char* list, std::uint32_t (*random)(std::uint32_t)) {
    std::string out;
    for (const SocksProxy& p : order_proxies(parse_socks_proxies(list).value(), random)) out += p.at.ip.back();
    return out;
  };
  const auto low = [](std::uint32_t) { return 0U; };
  const auto high = [](std::uint32_t n) { return n - 1; };
  constexpr const char* kList = "10.0.0.1 pri=1 : 10.0.0.2 pri=2 : 10.0.0.3 pri=2 weight=5 : 10.0.0.4 pri=0";
  BOOST_TEST(order(kList, low) == "2314");
  BOOST_TEST(order(kList, high) == "3214");
  BOOST_TEST(order("10.0.0.1 weight=0 : 10.0.0.2 weight=0", high) == "12");
}

BOOST_AUTO_TEST_SUITE_END()
