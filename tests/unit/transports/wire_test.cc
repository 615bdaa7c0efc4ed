// What goes on the wire: no bare CR or LF, dots doubled, whatever the pieces are.
#include <boost/test/unit_test.hpp>

#include "transports/smtp_client_util.h"

using namespace remex;
using transports::WireEncoder;

BOOST_AUTO_TEST_SUITE(wire)

struct Case {
  std::string_view in, out;
};
static constexpr Case kCases[] = {
    {"", ".\r\n"},
    {"a\n", "a\r\n.\r\n"},
    {"a", "a\r\n.\r\n"},
    {".\n", "..\r\n.\r\n"},
    {"a\n.\nb\n", "a\r\n..\r\nb\r\n.\r\n"},
    {"a\n..x\n", "a\r\n...x\r\n.\r\n"},
    {"a\r\nb\r\n", "a\r\nb\r\n.\r\n"},
    {"a\rb\n", "a b\r\n.\r\n"},
    {"a\r.\rb\n", "a . b\r\n.\r\n"},
    {"a\n\r.\n", "a\r\n .\r\n.\r\n"},
    {"a\r\r\n.\r\r\n", "a \r\n.. \r\n.\r\n"},
    {"end\r", "end\r\n.\r\n"},
};

BOOST_AUTO_TEST_CASE(encodes_whole_and_in_single_bytes) {
  for (const Case& c : kCases) {
    std::string whole, bytes;
    WireEncoder a, b;
    a.encode(c.in, whole);
    a.finish(whole);
    for (std::size_t i = 0; i < c.in.size(); ++i) b.encode(c.in.substr(i, 1), bytes);
    b.finish(bytes);
    BOOST_CHECK_EQUAL(whole, c.out);
    BOOST_CHECK_EQUAL(bytes, c.out);
  }
}

BOOST_AUTO_TEST_CASE(never_a_bare_cr_or_lf) {
  // All strings of up to 6 characters from a nasty alphabet.
  const std::string_view alphabet = "a.\r\n";
  for (int n = 0; n < 4096; ++n) {
    std::string in, out;
    for (int i = 0, m = n; i < 6; ++i, m /= 4) in += alphabet[static_cast<std::size_t>(m % 4)];
    WireEncoder e;
    e.encode(in, out);
    e.finish(out);
    BOOST_REQUIRE(out.ends_with("\r\n.\r\n") || out == ".\r\n");
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (out[i] == '\r') BOOST_REQUIRE(i + 1 < out.size() && out[i + 1] == '\n');
      if (out[i] == '\n') BOOST_REQUIRE(i > 0 && out[i - 1] == '\r');
    }
    BOOST_REQUIRE_EQUAL(out.find("\r\n.\r\n"), out.size() >= 5 && out != ".\r\n" ? out.size() - 5 : std::string::npos);
  }
}

BOOST_AUTO_TEST_SUITE_END()
