// Domain names and IP address literals as text: syntax checks and IDNA forms. Used by the address parsers, by SMTP
// (HELO) and by expansion operators. Nothing here looks anything up; a bad name is `false` or an error text, never an
// exception.
#include <arpa/inet.h>

#include <cstring>

#include "core/base/domain_name.h"
#include "core/base/strings.h"
#include "core/mail/address.h"
#include "core/mail/idn2_api.h"

namespace remex::mail {

/// inet_pton needs a terminated string; an address text is never longer than 45 octets.
static bool parses_as(int family, std::string_view s) {
  char text[INET6_ADDRSTRLEN + 1];
  unsigned char out[16];
  if (s.empty() || s.size() >= sizeof text || s.find('\0') != std::string_view::npos) return false;
  std::memcpy(text, s.data(), s.size());
  text[s.size()] = 0;
  return inet_pton(family, text, out) == 1;
}

bool is_ipv4(std::string_view s) { return parses_as(AF_INET, s); }
bool is_ipv6(std::string_view s) { return parses_as(AF_INET6, s); }
bool is_ip_address(std::string_view s) { return is_ipv4(s) || is_ipv6(s); }

bool is_utf8(std::string_view s) {
  const auto* p = reinterpret_cast<const unsigned char*>(s.data());
  const auto* const end = p + s.size();
  while (p < end) {
    const unsigned c = *p++;
    if (c < 0x80) continue;
    const int more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
    if (c < 0xc2 || c > 0xf4 || end - p < more) return false;
    // The second octet decides overlong forms, surrogates and the upper end (RFC 3629 4).
    const unsigned low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    const unsigned high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (*p < low || *p > high) return false;
    for (int i = 1; i < more; ++i) {
      if ((p[i] & 0xc0) != 0x80) return false;
    }
    p += more;
  }
  return true;
}

Result<std::string> domain_to_ascii(std::string_view domain) {
  bool ascii = true;
  for (char c : domain) ascii = ascii && static_cast<unsigned char>(c) < 0x80;
  if (ascii) return to_lower(domain);
  if (domain.size() > 4 * kMaxDomain || domain.find('\0') != std::string_view::npos || !is_utf8(domain)) {
    return fail("domain is not valid UTF-8");
  }
  // U+3002, U+FF0E, U+FF61: IDNA maps these to a dot (UTS #46), which would let one label pass a check as another
  // domain.
  for (std::string_view dot : {"\u3002", "\uff0e", "\uff61"}) {
    if (domain.find(dot) != std::string_view::npos) return fail("domain contains a character that stands for a dot");
  }
  const std::string text(domain);
  char* out = nullptr;
  const int rc =
      idn2_to_ascii_8z(text.c_str(), &out, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT | IDN2_USE_STD3_ASCII_RULES);
  if (rc != IDN2_OK) return fail(std::string("domain is not valid for IDNA: ") + idn2_strerror(rc));
  std::string result = to_lower(out);
  idn2_free(out);
  if (!is_domain_name(result)) return fail("domain is not valid for IDNA");
  return result;
}

bool has_8bit(std::string_view s) {
  for (const char c : s)
    if (static_cast<unsigned char>(c) >= 0x80) return true;
  return false;
}

Result<std::string> address_to_ascii(std::string_view address) {
  if (!has_8bit(address)) return std::string(address);
  if (!is_utf8(address) || address.find('\0') != std::string_view::npos) return fail("address is not valid UTF-8");
  const std::size_t at = address.rfind('@');
  std::string local(address.substr(0, at));
  if (has_8bit(local)) {
    char* out = nullptr;
    const int rc = idn2_to_ascii_8z(local.c_str(), &out, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK) return fail(std::string("local part has no A-label form: ") + idn2_strerror(rc));
    local = out;
    idn2_free(out);
  }
  if (at == std::string_view::npos) return local;
  REMEX_TRY(const std::string domain, domain_to_ascii(address.substr(at + 1)));
  return local + "@" + domain;
}

std::string domain_to_utf8(std::string_view domain) {
  if (domain.size() > 4 * kMaxDomain || domain.find('\0') != std::string_view::npos) return std::string(domain);
  const std::string text(domain);
  char* out = nullptr;
  if (idn2_to_unicode_8z8z(text.c_str(), &out, 0) != IDN2_OK) return text;
  std::string result(out);
  idn2_free(out);
  return result;
}

}  // namespace remex::mail
