// Byte-string helpers: the tables hold the good path and what peers send instead of it.
#include "core/base/strings.h"

#include <boost/test/unit_test.hpp>

using namespace remex;

BOOST_AUTO_TEST_SUITE(strings)

BOOST_AUTO_TEST_CASE(case_is_ascii_only) {
  BOOST_TEST(to_lower("MAIL From:\xC4") == "mail from:\xC4");
  BOOST_TEST(to_upper("ehlo-{z}") == "EHLO-{Z}");
  BOOST_TEST(iequals("EXAMPLE.org", "example.ORG"));
  BOOST_TEST(!iequals("example.org", "example.orgx"));
  BOOST_TEST(!iequals("a[", "a{"));  // 32 apart, but no letters
  BOOST_TEST(istarts_with("Received: x", "rECEIVED:"));
  BOOST_TEST(!istarts_with("Re", "Received"));
  BOOST_TEST(iends_with("host.EXAMPLE", ".example"));
  BOOST_TEST(!iends_with("e", "example"));
}

BOOST_AUTO_TEST_CASE(trims) {
  BOOST_TEST(trim(" \t\r\n a b \v\f") == "a b");
  BOOST_TEST(trim("   ").empty());
  BOOST_TEST(trim_left("  a ") == "a ");
  BOOST_TEST(trim_right(" a  ") == " a");
  BOOST_TEST(trim("\xA0x") == "\xA0x");  // no locale's idea of space
}

BOOST_AUTO_TEST_CASE(splits_and_joins) {
  BOOST_TEST(split("", ':').size() == 1U);
  const auto parts = split(":a::b", ':');
  BOOST_REQUIRE(parts.size() == 4U);
  BOOST_TEST(parts[0].empty());
  BOOST_TEST(parts[1] == "a");
  BOOST_TEST(parts[2].empty());
  BOOST_TEST(parts[3] == "b");
  BOOST_TEST(join({"a", "", "b"}, ", ") == "a, , b");
  BOOST_TEST(join({}, ",").empty());
  BOOST_TEST(replace_all("aaa", "aa", "b") == "ba");
  BOOST_TEST(replace_all("abc", "", "x") == "abc");
  BOOST_TEST(replace_all("a.b.", ".", "..") == "a..b..");
}

BOOST_AUTO_TEST_CASE(numbers) {
  BOOST_TEST(parse_int("-9223372036854775808").value() == INT64_MIN);
  BOOST_TEST(parse_int("+7").value() == 7);
  for (const char* bad : {"", "-", "+", "+-1", "--1", " 1", "1 ", "1x", "0x1", "9223372036854775808"}) {
    BOOST_TEST(!parse_int(bad).has_value(), bad);
  }
  BOOST_TEST(parse_uint("18446744073709551615").value() == UINT64_MAX);
  BOOST_TEST(parse_uint("755", 8).value() == 493U);
  BOOST_TEST(parse_uint("fF", 16).value() == 255U);
  for (const char* bad : {"", "-1", "+1", "18446744073709551616", "1.0"}) {
    BOOST_TEST(!parse_uint(bad).has_value(), bad);
  }
  BOOST_TEST(!parse_uint("8", 8).has_value());
}

BOOST_AUTO_TEST_CASE(hexadecimal) {
  BOOST_TEST(hex_encode(std::string_view("\x00\xFFz", 3)) == "00ff7a");
  BOOST_TEST(hex_encode("\xAB", true) == "AB");
  BOOST_TEST(hex_decode("00fF7A").value() == std::string("\x00\xFFz", 3));
  BOOST_TEST(hex_decode("").value().empty());
  for (const char* bad : {"0", "0g", "g0", " 0", "0x"}) BOOST_TEST(!hex_decode(bad).has_value(), bad);
}

BOOST_AUTO_TEST_CASE(base64) {
  // RFC 4648 section 10.
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    BOOST_TEST(base64_encode(plain) == coded);
    BOOST_TEST(base64_decode(coded).value() == plain);
  }
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  BOOST_TEST(base64_decode(base64_encode(all)).value() == all);
  BOOST_TEST(base64_decode("Zm 9v\r\n YmFy", true).value() == "foobar");
  for (const char* bad :
       {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zg==Zg==", "Zm9v=", "Zm9vY=Fy", "Zm 9", "Zm9\x80"}) {
    BOOST_TEST(!base64_decode(bad).has_value(), bad);
    BOOST_TEST(!base64_decode(bad, true).has_value(), bad);
  }
  BOOST_TEST(!base64_decode("Zm9v\n").has_value());  // white space only when asked
}

BOOST_AUTO_TEST_CASE(printable_has_no_line_breaks) {
  BOOST_TEST(printable("a b~") == "a b~");
  BOOST_TEST(printable(std::string_view("\r\n\t\\\0\x7F\xFF\x1B", 8)) == "\\r\\n\\t\\\\\\000\\177\\377\\033");
}

BOOST_AUTO_TEST_CASE(suggestions) {
  const std::vector<std::string_view> words{"dsearch", "lsearch", "dnsdb", "domains", "domain", "if"};
  BOOST_TEST(nearest("dsearh", words) == "dsearch");
  BOOST_TEST(nearest("sdearch", words) == "dsearch");  // swapped neighbours are one slip
  BOOST_TEST(nearest("Domains", words) == "domains");
  BOOST_TEST(nearest("fi", words) == "if");
  BOOST_TEST(nearest("completely_else", words).empty());
  BOOST_TEST(nearest("x", words).empty());
  BOOST_TEST(nearest("", words).empty());
  BOOST_TEST(nearest(std::string(100'000, 'd'), words).empty());
}

BOOST_AUTO_TEST_SUITE_END()
