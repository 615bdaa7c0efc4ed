// Dates and encoded words.
#include <boost/test/unit_test.hpp>

#include "core/mail/date.h"
#include "core/mail/rfc2047.h"

using namespace remex::mail;

BOOST_AUTO_TEST_SUITE(text)

BOOST_AUTO_TEST_CASE(dates) {
  for (auto [in, out] : std::initializer_list<std::pair<std::string_view, std::int64_t>>{
           {"Sat, 21 Nov 2026 03:36:18 +0000", 1795232178},
           {"21 Nov 2026 03:36 +0100", 1795228560},
           {"Thu, 1 Jan 1970 00:00:00 GMT", 0},
           {" Fri, 21 Nov 97 09(comment):55:06 -0600", -1},
           {"Fri, 21 Nov 97 09:55:06 -0600 (CST)", 880127706},
           {"Sat (x), 21 Nov 2026 03:36:18 PST", 1795260978},
           {"31 Feb 2026 00:00 +0000", -1},
           {"", -1},
           {"Sat, 21 Nov 2026", -1},
           {"21 Nov 2026 24:00:00 +0000", -1},
           {"21 Nov 2026 03:36:18 +0099", -1},
           {"21 Nov 99999 03:36:18 +0000", -1}}) {
    BOOST_TEST_CONTEXT(in) { BOOST_TEST(parse_rfc5322_date(in).value_or(-1) == out); }
  }
}

BOOST_AUTO_TEST_CASE(encoding) {
  for (auto [in, out] :
       std::initializer_list<std::pair<std::string_view, std::string_view>>{{"abc", "abc"},
                                                                            {"a b", "a b"},
                                                                            {"a\u00e9"
                                                                             "b c",
                                                                             "=?UTF-8?Q?a=C3=A9b_c?="},
                                                                            {"a(b)", "=?UTF-8?Q?a=28b=29?="},
                                                                            {"a=b?c_d", "=?UTF-8?Q?a=3Db=3Fc=5Fd?="},
                                                                            {"", ""}}) {
    BOOST_TEST(encode_rfc2047(in) == out);
  }
  const std::string longer = "\u00e9" + std::string(200, 'a') + "\u00e9";
  const std::string encoded = encode_rfc2047(longer);
  BOOST_TEST(decode_rfc2047(encoded).value() == longer);
  for (std::size_t at = 0; at < encoded.size();) {
    std::size_t end = std::min(encoded.find(' ', at), encoded.size());
    BOOST_TEST(end - at <= 75u);
    at = end + 1;
  }
}

BOOST_AUTO_TEST_CASE(decoding) {
  for (auto [in, out] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
           {"=?utf-8?q?a=C3=A9_b?=", "a\u00e9 b"},
           {"=?iso-8859-1?q?a=E9?= \n =?iso-8859-1*en?q?b?= x",
            "a\u00e9"
            "b x"},
           {"=?iso-8859-1?b?6Q==?=y =?bad", "\u00e9y =?bad"},
           {"=?utf-8?q?a=0?=", "=?utf-8?q?a=0?="},
           {"=?utf-8?q?a=C3=A9?=", "a\u00e9"},
           {"=?utf-8?x?a?=", "=?utf-8?x?a?="},
           {"=?../../etc?q?a?=", "=?../../etc?q?a?="},
           {"=?iso-8859-1?q?=00?=", "?"},
           {"plain", "plain"}}) {
    BOOST_TEST(decode_rfc2047(in).value() == out);
  }
  BOOST_TEST(decode_rfc2047("=?nosuch?q?a?=").error().text ==
             "iconv_open(\"UTF-8\", \"nosuch\") failed: Invalid argument (maybe unsupported conversion)");
  std::string many;
  for (int i = 0; i < 200000; ++i) many += "=?";
  BOOST_TEST(decode_rfc2047(many).value().size() == many.size());
}

BOOST_AUTO_TEST_SUITE_END()
