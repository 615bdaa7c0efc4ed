// Fuzz target: what stands before a proxied connection, and the answer of an ident service. The input is fed in pieces
// of the length that its first octet says. Properties: no crash, no octet is asked for beyond the header, the parser
// ends within its bound, an accepted header has two addresses, complaints and names are printable.
// links: core/smtp
#include <cstdlib>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/smtp/ident.h"
#include "core/smtp/proxy_protocol.h"

using namespace remex;
using namespace remex::smtp;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::size_t piece = data[0] % 32 + 1;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const char c : ident_of_answer(octets, 4444, 25))
    if (!is_printable(c)) std::abort();
  ProxyHeaderParser parser;
  std::size_t at = 0;
  while (parser.wanted() > 0 && at < octets.size()) {
    const std::size_t n = std::min({piece, parser.wanted(), octets.size() - at});
    const auto st = parser.feed(octets.substr(at, n));
    if (!st) {
      for (const char c : st.error().text)
        if (!is_printable(c)) std::abort();
      return 0;
    }
    at += n;
    if (at > 16 + ProxyHeaderParser::kMaxLength) std::abort();
  }
  if (parser.wanted() > 0) return 0;
  const ProxyHeader& h = parser.header();
  if (h.proxied != mail::is_ip_address(h.client.ip) || h.proxied != mail::is_ip_address(h.destination.ip)) std::abort();
  return 0;
}
