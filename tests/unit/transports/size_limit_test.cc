// Values of quota and its like.
#include <boost/test/unit_test.hpp>

#include "transports/internal.h"

using namespace remex::transports;

namespace {
/// "1024", "10 unchecked", "malformed".
std::string read(std::string_view text, bool modifiers = true) {
  const auto n = parse_size(text, modifiers);
  return n ? std::to_string(n->bytes) + (n->checked ? "" : " unchecked") : "malformed";
}
}  // namespace

BOOST_AUTO_TEST_SUITE(size_limit)

BOOST_AUTO_TEST_CASE(numbers) {
  for (const auto& [text, bytes] : {std::pair("", "0"),
                                    {"0", "0"},
                                    {" 17 ", "17"},
                                    {"10k", "10240"},
                                    {"3M", "3145728"},
                                    {"2G", "2147483648"},
                                    {"1.5K", "1536"},
                                    {"0.25M", "262144"},
                                    {"1.9", "1"},
                                    {"2.K", "2048"},
                                    {"1.0000000009G", "1073741824"}})
    BOOST_CHECK_EQUAL(read(text), bytes);
}

BOOST_AUTO_TEST_CASE(what_is_no_number) {
  for (const char* text : {"x", "-1", "10X", "1.2.3", "1.x", ".K", "M", "9999999999999G", "99999999999999999999"})
    BOOST_CHECK_EQUAL(read(text), "malformed");
}

BOOST_AUTO_TEST_CASE(modifiers) {
  BOOST_CHECK_EQUAL(read("10/no_check"), "10 unchecked");
  BOOST_CHECK_EQUAL(read("1.5K/no_check"), "1536 unchecked");
  BOOST_CHECK_EQUAL(read("10/no_check", false), "malformed");
  for (const char* text : {"/no_check", "10/", "10/other", "10/NO_CHECK", "10 /no_check", "10/no_check/no_check"})
    BOOST_CHECK_EQUAL(read(text), "malformed");
}

BOOST_AUTO_TEST_SUITE_END()
