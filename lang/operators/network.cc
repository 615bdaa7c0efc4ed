// IP addresses as text: mask, mask_n, reverse_ip, ipv6norm, ipv6denorm. Pure; what is no address fails with Exim's
// text.
#include <arpa/inet.h>
#include <fmt/format.h>

#include <array>

#include "core/base/strings.h"
#include "lang/node.h"

namespace remex::lang {
namespace {

struct Ip {
  std::array<std::uint8_t, 16> bytes{};
  std::size_t size = 0;  // 4 or 16
};

bool read_ip(const std::string& s, Ip& ip) {
  if (s.find('\0') != std::string::npos) return false;
  ip.size = s.find(':') == std::string::npos ? 4 : 16;
  return inet_pton(ip.size == 4 ? AF_INET : AF_INET6, s.c_str(), ip.bytes.data()) == 1;
}

unsigned group(const Ip& ip, std::size_t i) {
  return static_cast<unsigned>(ip.bytes[2 * i]) << 8U | static_cast<unsigned>(ip.bytes[2 * i + 1]);
}

std::string dotted(const Ip& ip) {
  return fmt::format("{}.{}.{}.{}", ip.bytes[0], ip.bytes[1], ip.bytes[2], ip.bytes[3]);
}

std::string full_v6(const Ip& ip, char separator) {
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i > 0) out += separator;
    out += fmt::format("{:04x}", group(ip, i));
  }
  return out;
}

// The longest run of zero groups (the first of equal ones, a single zero too, as Exim does) becomes "::".
std::string short_v6(const Ip& ip) {
  std::size_t best = 8, best_length = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t n = 0;
    while (i + n < 8 && group(ip, i + n) == 0) ++n;
    if (n > best_length) {
      best = i;
      best_length = n;
    }
  }
  std::string out;
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == best) {
      out += "::";
      i += best_length - 1;
      continue;
    }
    if (!out.empty() && out.back() != ':') out += ':';
    out += fmt::format("{:x}", group(ip, i));
  }
  return out;
}

// IPv4 becomes IPv4-mapped.
bool read_as_v6(const std::string& s, Ip& ip) {
  if (!read_ip(s, ip)) return false;
  if (ip.size == 4) {
    Ip mapped;
    mapped.size = 16;
    mapped.bytes[10] = mapped.bytes[11] = 0xFF;
    for (std::size_t i = 0; i < 4; ++i) mapped.bytes[12 + i] = ip.bytes[i];
    ip = mapped;
  }
  return true;
}

template <bool canonical>
Result<std::string> mask(Scope&, const Node&, std::string s) {
  const std::size_t slash = s.find('/');
  Ip ip;
  const auto bits = slash == std::string::npos ? std::nullopt : parse_uint(std::string_view(s).substr(slash + 1));
  if (!read_ip(s.substr(0, slash), ip) || (slash != std::string::npos && !bits)) {
    return fail(fmt::format("\"{}\" is not an IP address", s));
  }
  if (slash == std::string::npos) return fail(fmt::format("missing mask value in \"{}\"", s));
  if (*bits > ip.size * 8) return fail(fmt::format("mask value too big in \"{}\"", s));
  for (std::size_t i = 0; i < ip.size; ++i) {
    const std::size_t keep = *bits > i * 8 ? std::min<std::size_t>(*bits - i * 8, 8) : 0;
    ip.bytes[i] = static_cast<std::uint8_t>(ip.bytes[i] & (0xFF00U >> keep));
  }
  return fmt::format("{}/{}", ip.size == 4 ? dotted(ip) : canonical ? short_v6(ip) : full_v6(ip, '.'), *bits);
}

Result<std::string> reverse_ip(Scope&, const Node&, std::string s) {
  Ip ip;
  std::string_view address = s;  // the number of bits of a network is dropped
  if (const std::size_t bits = s.find('/'); bits != std::string::npos && parse_uint(address.substr(bits + 1)))
    address = address.substr(0, bits);
  if (!read_ip(std::string(address), ip)) return fail(fmt::format("reverse_ip() not given an IP address [{}]", s));
  std::string out;
  for (std::size_t i = ip.size; i-- > 0;) {
    if (!out.empty()) out += '.';
    const unsigned byte = ip.bytes[i];
    out += ip.size == 4 ? std::to_string(byte) : fmt::format("{:x}.{:x}", byte & 15U, byte >> 4U);
  }
  return out;
}

template <bool canonical>
Result<std::string> ipv6(Scope&, const Node&, std::string s) {
  Ip ip;
  if (!read_as_v6(s, ip)) return fail(fmt::format("\"{}\" is not an IP address", s));
  return canonical ? short_v6(ip) : full_v6(ip, ':');
}

constexpr Example kMask[] = {
    {"${mask:10.1.2.3/28}", "10.1.2.0/28"},
    {"${mask:3ffe:ffff:836f:0A00:000a:0800:200a:c031/99}", "3ffe.ffff.836f.0a00.000a.0800.2000.0000/99"},
    {"${mask:1.2.3.4}", "", "missing mask value"},
    {"${mask:1.2.3.4/33}", "", "mask value too big"}};
constexpr Example kMaskN[] = {
    {"${mask_n:3ffe:ffff:836f:0A00:000a:0800:200a:c031/99}", "3ffe:ffff:836f:a00:a:800:2000::/99"}};
constexpr Example kReverse[] = {
    {"${reverse_ip:192.0.2.4}", "4.2.0.192"},
    {"${reverse_ip:fe80::1}", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.e.f"},
    {"${reverse_ip:abc}", "", "not given an IP address"}};
constexpr Example kNorm[] = {{"${ipv6norm:FE80:0:0:0::1}", "fe80::1"},
                             {"${ipv6norm:1.2.3.4}", "::ffff:102:304"},
                             {"${ipv6norm:x}", "", "is not an IP address"}};
constexpr Example kDenorm[] = {{"${ipv6denorm:fe80::1}", "fe80:0000:0000:0000:0000:0000:0000:0001"}};

constexpr Example kMaskNExamples[] = {
    {"${mask_n:3ffe:ffff:836f:0A00:000a:0800:200a:c031/99}", "3ffe:ffff:836f:a00:a:800:2000::/99"},
    {"${mask_n:10.111.131.206/28}", "10.111.131.192/28"},
    {"${mask_n:x}", "", "\"x\" is not an IP address"}};
constexpr Example kIpv6denormExamples[] = {{"${ipv6denorm:fe80::1}", "fe80:0000:0000:0000:0000:0000:0000:0001"},
                                           {"${ipv6denorm:1.2.3.4}", "0000:0000:0000:0000:0000:ffff:0102:0304"},
                                           {"${ipv6denorm:x}", "", "\"x\" is not an IP address"}};
constexpr OperatorDef defs[] = {
    {.name = "mask",
     .summary = "Network of an address with /bits",
     .doc = "IPv6 results have dots, so that they may be keys.",
     .examples = kMask,
     .tier = 2,
     .apply = mask<false>},
    {.name = "mask_n",
     .summary = "Network of an address with /bits",
     .doc = "IPv6 results are in normal form.",
     .examples = kMaskNExamples,
     .tier = 3,
     .apply = mask<true>},
    {.name = "reverse_ip",
     .summary = "Address reversed for DNS lists",
     .doc = "Octets, or nibbles for IPv6; without a zone.",
     .examples = kReverse,
     .tier = 2,
     .apply = reverse_ip},
    {.name = "ipv6norm",
     .summary = "IPv6 address in short form",
     .doc = "IPv4 becomes IPv4-mapped.",
     .examples = kNorm,
     .tier = 3,
     .apply = ipv6<true>},
    {.name = "ipv6denorm",
     .summary = "IPv6 address in full form",
     .doc = "IPv4 becomes IPv4-mapped.",
     .examples = kIpv6denormExamples,
     .tier = 3,
     .apply = ipv6<false>},
};

}  // namespace
}  // namespace remex::lang

namespace remex::registry::operators {
extern const std::span<const OperatorDef> network;
constinit const std::span<const OperatorDef> network{lang::defs};
}  // namespace remex::registry::operators
