// SMTP command syntax.
#include <boost/test/unit_test.hpp>

#include "core/smtp/grammar.h"

using namespace remex::smtp;

BOOST_AUTO_TEST_SUITE(grammar)

BOOST_AUTO_TEST_CASE(verbs) {
  BOOST_TEST((parse_command("EHLO  a.b ").verb == Verb::ehlo));
  BOOST_TEST(parse_command("ehlo  a.b ").argument == "a.b");
  BOOST_TEST((parse_command("MAIL\tFROM:<a@b>").verb == Verb::mail));
  BOOST_TEST((parse_command("POST / HTTP/1.1").verb == Verb::http));
  BOOST_TEST((parse_command("").verb == Verb::unknown));
  BOOST_TEST((parse_command("EHLOX").verb == Verb::unknown));
}

BOOST_AUTO_TEST_CASE(paths) {
  auto p = parse_path_command("FROM:<a@b> SIZE=100 BODY=8BITMIME", "FROM:");
  BOOST_REQUIRE(p.has_value());
  BOOST_TEST(p->path == "<a@b>");
  BOOST_REQUIRE_EQUAL(p->parameters.size(), 2U);
  BOOST_TEST(p->parameters[0].keyword == "SIZE");
  BOOST_TEST(p->parameters[0].value == "100");
  for (const char* ok : {"FROM: <a@b>", "from:<a@b>", "FROM :<a@b>", "FROM:a@b"})
    BOOST_TEST(parse_path_command(ok, "FROM:").has_value(), ok);
  BOOST_TEST(parse_path_command("FROM:<\"a > b\"@c> X=1", "FROM:")->path == "<\"a > b\"@c>");
  for (const char* bad :
       {"<a@b>", "FROM <a@b>", "TO:<a@b>", "FROM:<a@b> SIZE=1 SIZE=2", "FROM:<a@b> =1", "FROM:<a@b> A;B=1"})
    BOOST_TEST(!parse_path_command(bad, "FROM:").has_value(), bad);
  std::string many = "FROM:<a@b>";
  for (int i = 0; i < 500; ++i) many += " X" + std::to_string(i) + "=1";
  BOOST_TEST(!parse_path_command(many, "FROM:").has_value());
}

BOOST_AUTO_TEST_CASE(xtext) {
  BOOST_TEST(*decode_xtext("a+2Bb") == "a+b");
  for (const char* bad : {"+0A", "+ZZ", "+4", "a=b", "+2b"}) BOOST_TEST(!decode_xtext(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(helo_names) {
  for (const char* ok : {"mail.example", "[1.2.3.4]", "[IPv6:::1]", "localhost"})
    BOOST_TEST(is_acceptable_helo(ok, ""), ok);
  for (const char* bad : {"", "a b", "[1.2.3]", "[1.2.3.4", "${run{id}}", "a%sb", "a\"b", "a_b"})
    BOOST_TEST(!is_acceptable_helo(bad, ""), bad);
  BOOST_TEST(!is_acceptable_helo(std::string(11000, 'a'), ""));
  BOOST_TEST(is_acceptable_helo("a/b", "/"));
  BOOST_TEST(is_acceptable_helo("a_b", "_"));  // helo_allow_chars
}

BOOST_AUTO_TEST_SUITE_END()
