// MTA-STS: records and policies as RFC 8461 has them, and as strangers write them.
#include <boost/test/unit_test.hpp>

#include "../acl/fake_services.h"
#include "../core_io/in_loop.h"
#include "core/base/clock.h"
#include "transports/mta_sts.h"
#include "transports/mta_sts_policy.h"

using namespace remex;
using namespace remex::transports;
using Mode = MtaStsPolicy::Mode;

BOOST_AUTO_TEST_SUITE(mta_sts)

BOOST_AUTO_TEST_CASE(records) {
  BOOST_TEST(mta_sts_id({"v=STSv1; id=20160831085700Z;"}).value_or("-") == "20160831085700Z");
  BOOST_TEST(mta_sts_id({"v=STSv1;id=1"}).value_or("-") == "1");
  BOOST_TEST(mta_sts_id({"other", "v=STSv1 ; x=y; id=ab"}).value_or("-") == "ab");
  for (const std::vector<std::string>& bad :
       std::vector<std::vector<std::string>>{{},
                                             {"v=STSv1"},
                                             {"v=STSv1; id="},
                                             {"v=STSv1; id=a b"},
                                             {"v=STSv1; id=a; id=b"},
                                             {"v=STSv10; id=1"},
                                             {"id=1; v=STSv1"},
                                             {"v=STSv1; id=1", "v=STSv1; id=1"},
                                             {"v=STSv1; id=123456789012345678901234567890123"}})
    BOOST_TEST(!mta_sts_id(bad).has_value());
}

BOOST_AUTO_TEST_CASE(policies) {
  const auto p = parse_mta_sts_policy(
      "version: STSv1\r\nmode: enforce\r\nmx: Mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\nfuture: "
      "x\r\n");
  BOOST_REQUIRE(p.has_value());
  BOOST_TEST((p->mode == Mode::enforce));
  BOOST_TEST(p->max_age == 604800);
  BOOST_TEST(p->mx.size() == 2U);
  BOOST_TEST((parse_mta_sts_policy("version:STSv1\nmode:none\nmax_age:5").value().mode == Mode::none));
  BOOST_TEST((parse_mta_sts_policy("version: STSv1\nmode: testing\nmode: enforce\nmx: a\nmax_age: 5\n").value().mode ==
              Mode::testing));
  BOOST_TEST(parse_mta_sts_policy("version: STSv1\nmode: none\nmax_age: 4000000000").value().max_age == 31557600);
}

BOOST_AUTO_TEST_CASE(policies_that_are_none) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "no version"},
      {"version: STSv2\nmode: none\nmax_age: 1", "version"},
      {"version: STSv1\nmax_age: 1", "no mode"},
      {"version: STSv1\nmode: sometimes\nmax_age: 1", "mode"},
      {"version: STSv1\nmode: none", "no max_age"},
      {"version: STSv1\nmode: none\nmax_age: -1", "max_age"},
      {"version: STSv1\nmode: none\nmax_age: 99999999999999999999", "max_age"},
      {"version: STSv1\nmode: enforce\nmax_age: 1", "no mx"},
      {"version: STSv1\nmode: enforce\nmx: a b\nmax_age: 1", "mx"},
      {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1", "mx"},
      {"version: STSv1\nmode: enforce\nmx: x.*.y\nmax_age: 1", "mx"},
      {"<html>not found</html>", "no field"}};
  for (const auto& [text, part] : cases) {
    const auto p = parse_mta_sts_policy(text);
    BOOST_REQUIRE_MESSAGE(!p.has_value(), text);
    BOOST_TEST(p.error().text.find(part) != std::string::npos, p.error().text);
  }
  BOOST_TEST(!parse_mta_sts_policy(std::string(70000, '\n')).has_value());
  std::string many = "version: STSv1\nmode: enforce\nmax_age: 1\n";
  for (int i = 0; i < 101; ++i) many += "mx: a.b\n";
  BOOST_TEST(!parse_mta_sts_policy(many).has_value());
}

BOOST_AUTO_TEST_CASE(hosts) {
  MtaStsPolicy p;
  p.mx = {"mail.example.com", "*.example.net"};
  for (const char* host : {"mail.example.com", "MAIL.example.com.", "a.example.net", "xn--a.EXAMPLE.net"})
    BOOST_TEST(mta_sts_allows(p, host), host);
  for (const char* host :
       {"example.com", "a.mail.example.com", "example.net", "a.b.example.net", ".example.net", "", "x"})
    BOOST_TEST(!mta_sts_allows(p, host), host);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_not_taken_for_no_policy) {
  io::in_loop([] {
    test::FakeServices services;
    const std::int64_t now = wall_seconds();
    services.hints["mta-sts/a.example"] = std::to_string(now) + "\n" + std::to_string(now) + "\n" +
                                          std::to_string(now + 3600) + "\n" + std::to_string(now) +
                                          "\nversion: STSv1\nmode: enforce\nmx: mx.a.example\nmax_age: 3600\n";
    const auto known = find_mta_sts(services, "A.example", "system");
    BOOST_REQUIRE_MESSAGE(known.has_value(), (known ? "" : known.error().text));
    BOOST_REQUIRE(known->has_value());  // in force without its record
    BOOST_TEST(((*known)->mode == Mode::enforce));
    for (const bool published : {false, true}) {
      if (published) services.table.records[{"_mta-sts.a.example", dns::Type::txt}] = "v=STSv1; id=1;";
      services.hints_broken = true;
      const auto unknown = find_mta_sts(services, "a.example", "system");
      BOOST_REQUIRE(!unknown.has_value());
      BOOST_TEST((unknown.error().kind == ErrorKind::defer));
      BOOST_TEST(unknown.error().text.find("what is known of a.example cannot be read") != std::string::npos);
    }
  });
}

BOOST_AUTO_TEST_SUITE_END()
