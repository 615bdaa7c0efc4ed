// The PROXY header in one piece, octet by octet, and with the client's first octets behind it; the answers of ident.
#include <boost/test/unit_test.hpp>

#include "core/smtp/ident.h"
#include "core/smtp/proxy_protocol.h"

using namespace remex;
using namespace remex::smtp;

namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kV4("\xc0\x00\x02\x09\xc6\x33\x64\x01\x11\x5c\x00\x19", 12);

std::string v2(int command, int family, const std::string& body) {
  std::string out = kSignature;
  out.push_back(static_cast<char>(command));
  out.push_back(static_cast<char>(family));
  out.push_back(static_cast<char>(body.size() >> 8));
  out.push_back(static_cast<char>(body.size() & 255));
  return out + body;
}

struct Read {
  std::string text;  ///< "client:port destination:port", "local", "more", or the error
  std::size_t used = 0;
};

/// Feeds pieces of at most `most` octets, as a connection would give them.
Read read(std::string_view octets, std::size_t most) {
  ProxyHeaderParser p;
  Read out;
  while (p.wanted() > 0) {
    const std::size_t n = std::min({p.wanted(), most, octets.size() - out.used});
    if (n == 0) {
      out.text = "more";
      return out;
    }
    if (const auto st = p.feed(octets.substr(out.used, n)); !st) {
      out.text = st.error().text;
      return out;
    }
    out.used += n;
  }
  const ProxyHeader& h = p.header();
  out.text = !h.proxied ? "local"
                        : h.client.ip + ":" + std::to_string(h.client.port) + " " + h.destination.ip + ":" +
                              std::to_string(h.destination.port);
  return out;
}

void good(const std::string& header, const std::string& want) {
  for (const std::size_t most : {std::size_t{1}, std::size_t{7}, std::size_t{5000}}) {
    const Read r = read(header + "\x16\x03\x01 handshake", most);
    BOOST_CHECK_EQUAL(r.text, want);
    BOOST_CHECK_EQUAL(r.used, header.size());  // nothing of what follows was taken
    for (std::size_t cut = 0; cut < header.size(); ++cut)
      BOOST_CHECK_EQUAL(read(header.substr(0, cut), most).text, "more");
  }
}

void bad(const std::string& header, const std::string& why) {
  for (const std::size_t most : {std::size_t{1}, std::size_t{5000}})
    BOOST_CHECK_MESSAGE(read(header, most).text.find(why) != std::string::npos,
                        read(header, most).text << " for " << why);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(proxy_header)

BOOST_AUTO_TEST_CASE(version_1) {
  good("PROXY TCP4 192.0.2.9 198.51.100.1 4444 25\r\n", "192.0.2.9:4444 198.51.100.1:25");
  good("PROXY TCP6 2001:DB8::9 2001:db8:0::1 4444 65535\r\n", "2001:db8::9:4444 2001:db8::1:65535");
  good("PROXY TCP6 ::ffff:192.0.2.9 ::1 0 25\r\n", "192.0.2.9:0 ::1:25");
  good("PROXY UNKNOWN\r\n", "local");
  good("PROXY UNKNOWN ffff::1 whatever it is\r\n", "local");
}

BOOST_AUTO_TEST_CASE(version_1_that_is_none) {
  bad("EHLO client.test\r\n", "no PROXY header");
  bad("PROXZ", "no PROXY header");
  bad("PROXY TCP4 192.0.2.9 198.51.100.1 4444 25\n", "CRLF");
  bad("PROXY\r\nTCP4 192.0.2.9", "no PROXY header");
  bad("PROXY TCP4\r\n 192.0.2.9 198.51.100.1 4444 25\r\n", "not two addresses");
  bad("PROXY TCP4 300.0.2.9 198.51.100.1 4444 25\r\n", "no IPv4 address");
  bad("PROXY TCP4 2001:db8::9 198.51.100.1 4444 25\r\n", "no IPv4 address");
  bad("PROXY TCP6 192.0.2.9 198.51.100.1 4444 25\r\n", "no IPv6 address");
  bad("PROXY TCP4 192.0.2.9 198.51.100.1 70000 25\r\n", "port");
  bad("PROXY TCP4 192.0.2.9 198.51.100.1 +1 25\r\n", "port");
  bad("PROXY TCP4 192.0.2.9 198.51.100.1 4444 25 \r\n", "not two addresses");
  bad("PROXY TCP4  192.0.2.9 198.51.100.1 4444 25\r\n", "not two addresses");
  bad("PROXY UDP4 192.0.2.9 198.51.100.1 4444 25\r\n", "unknown protocol");
  bad("PROXY UNKNOWN " + std::string(200, 'x') + "\r\n", "does not end");
  bad("PROXY TCP4 192.0.2.9" + std::string(1, '\0') + "x 198.51.100.1 4444 25\r\n", "NUL");
}

BOOST_AUTO_TEST_CASE(version_2) {
  good(v2(0x21, 0x11, kV4), "192.0.2.9:4444 198.51.100.1:25");
  good(v2(0x21, 0x11,
          kV4 + std::string("\x03\x00\x04"
                            "abcd",
                            7)),
       "192.0.2.9:4444 198.51.100.1:25");
  const std::string ip("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09", 16);
  good(v2(0x21, 0x21, ip + ip + std::string("\x11\x5c\x00\x19", 4)), "2001:db8::9:4444 2001:db8::9:25");
  const std::string mapped("\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\x07", 16);
  good(v2(0x21, 0x21, mapped + ip + std::string("\x11\x5c\x00\x19", 4)), "192.0.2.7:4444 2001:db8::9:25");
  good(v2(0x20, 0x00, ""), "local");
  good(v2(0x20, 0x11, kV4), "local");
}

BOOST_AUTO_TEST_CASE(version_2_that_is_none) {
  bad(v2(0x31, 0x11, kV4), "version 3");
  bad(v2(0x25, 0x11, kV4), "command 5");
  bad(v2(0x21, 0x00, ""), "neither TCP over IPv4");
  bad(v2(0x21, 0x12, kV4), "neither TCP over IPv4");
  bad(v2(0x21, 0x31, std::string(216, 'x')), "neither TCP over IPv4");
  bad(v2(0x21, 0x11, kV4.substr(1)), "too short");
  bad(v2(0x21, 0x21, kV4), "too short");
  bad(v2(0x21, 0x11, kV4 + std::string(ProxyHeaderParser::kMaxLength, 'x')), "at most");
  bad(kSignature.substr(0, 11) + "X", "no PROXY header");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ident)

BOOST_AUTO_TEST_CASE(answers) {
  const auto of = [](std::string_view answer) { return ident_of_answer(answer, 4444, 25); };
  BOOST_CHECK_EQUAL(of("4444 , 25 : USERID : UNIX : fred\r\n"), "fred");
  BOOST_CHECK_EQUAL(of("4444,25:USERID:UNIX:fred\n"), "fred");
  BOOST_CHECK_EQUAL(of(" 4444 , 25 : USERID : UNIX,UTF-8 :  fr\xc3\xa9  \r\n"), "fr\\303\\251  ");
  BOOST_CHECK_EQUAL(of("4444 , 25 : USERID : UNIX : a:b\\\x01\r\nmore\r\n"), "a:b\\\\\\001");
  BOOST_CHECK_EQUAL(of("4444 , 25 : USERID : OTHER : " + std::string(300, 'x') + "\r\n"), std::string(127, 'x'));
  BOOST_CHECK_EQUAL(of("4444 , 25 : USERID : UNIX : fred"), "");
  BOOST_CHECK_EQUAL(of("4444 , 26 : USERID : UNIX : fred\r\n"), "");
  BOOST_CHECK_EQUAL(of("4443 , 25 : USERID : UNIX : fred\r\n"), "");
  BOOST_CHECK_EQUAL(of("99999999999999999999 , 25 : USERID : UNIX : fred\r\n"), "");
  BOOST_CHECK_EQUAL(of("4444 , 25 : ERROR : NO-USER\r\n"), "");
  BOOST_CHECK_EQUAL(of("4444 , 25 : userid : UNIX : fred\r\n"), "");
  BOOST_CHECK_EQUAL(of("4444 , 25 : USERID : UNIX :\r\n"), "");
  BOOST_CHECK_EQUAL(of("4444 , 25 : USERID : UNIX\r\n"), "");
  BOOST_CHECK_EQUAL(of(""), "");
}

BOOST_AUTO_TEST_SUITE_END()
