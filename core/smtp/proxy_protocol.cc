// See proxy_protocol.h.

#include "core/smtp/proxy_protocol.h"

#include <arpa/inet.h>
#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"

namespace remex::smtp {

namespace {
constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::string_view kWord = "PROXY ";
constexpr std::size_t kFixed = 16;  ///< signature, version and command, family, length
constexpr std::size_t kMaxLine = 107;

/// The text form of an address of `family` (AF_INET, AF_INET6) that `bytes` holds; IPv4-mapped ones as IPv4.
std::string ip_text(int family, const char* bytes) {
  char text[INET6_ADDRSTRLEN] = "";
  (void)::inet_ntop(family, bytes, text, sizeof text);
  const std::string_view out(text);
  return std::string(out.starts_with("::ffff:") && out.find('.') != std::string_view::npos ? out.substr(7) : out);
}

/// What a line of version 1 has for an address; empty: it is none of that family.
std::string read_ip(int family, std::string_view word) {
  char bytes[16] = {};
  return ::inet_pton(family, std::string(word).c_str(), bytes) == 1 ? ip_text(family, bytes) : std::string();
}

bool read_port(std::string_view word, std::uint16_t& port) {
  if (word.empty() || word.size() > 5 || !std::all_of(word.begin(), word.end(), is_digit)) return false;
  const auto n = parse_uint(word);
  if (!n || *n > 65535) return false;
  port = static_cast<std::uint16_t>(*n);
  return true;
}

std::uint16_t number_at(std::string_view bytes, std::size_t at) {
  return static_cast<std::uint16_t>(static_cast<unsigned char>(bytes[at]) << 8 |
                                    static_cast<unsigned char>(bytes[at + 1]));
}

unsigned octet_at(std::string_view bytes, std::size_t at) { return static_cast<unsigned char>(bytes[at]); }

/// Octets of two addresses and two ports of TCP over IPv4 (0x11) or IPv6 (0x21).
std::size_t addresses_size(unsigned family) { return family == 0x11 ? 12 : 36; }

bool may_begin(std::string_view octets, std::string_view with) {
  return octets.substr(0, with.size()) == with.substr(0, octets.size());
}
}  // namespace

std::size_t ProxyHeaderParser::wanted() const {
  switch (part_) {
    case Part::prefix: return kSignature.size() - seen_.size();
    case Part::line: return 1;
    case Part::fixed: return kFixed - seen_.size();
    case Part::addresses: return kFixed + addresses_size(octet_at(seen_, 13)) - seen_.size();
    case Part::rest: return left_;
    case Part::done: break;
  }
  return 0;
}

Status ProxyHeaderParser::feed(std::string_view octets) {
  if (octets.size() > wanted()) return fail("more octets than the PROXY header has");
  if (part_ == Part::rest) {
    left_ -= octets.size();
    if (left_ == 0) part_ = Part::done;
    return {};
  }
  seen_ += octets;
  switch (part_) {
    case Part::prefix: return prefix();
    case Part::line: return line();
    case Part::fixed: return fixed();
    case Part::addresses: left_ -= octets.size(); return addresses();
    default: return {};
  }
}

Status ProxyHeaderParser::prefix() {
  if (!may_begin(seen_, kSignature) && !may_begin(seen_, kWord))
    return fail(fmt::format("no PROXY header: got \"{}\"", printable(seen_)));
  if (seen_.size() < kSignature.size()) return {};
  part_ = seen_ == kSignature ? Part::fixed : Part::line;
  return part_ == Part::line ? line() : Status();
}

/// PROXY TCP4 192.0.2.9 198.51.100.1 4444 25 CRLF, or PROXY UNKNOWN and anything.
Status ProxyHeaderParser::line() {
  const auto bad = [&](std::string_view why) {
    return fail(fmt::format("bad PROXY header: {}: \"{}\"", why, printable(seen_)));
  };
  if (const auto end = seen_.find('\n'); end == std::string::npos) {
    if (seen_.size() >= kMaxLine) return bad("the line does not end");
    return {};
  } else if (end + 1 != seen_.size() || !seen_.ends_with("\r\n")) {
    return bad("the line does not end with CRLF");
  }
  if (seen_.find('\0') != std::string::npos) return bad("a NUL");
  const auto words = split(std::string_view(seen_).substr(0, seen_.size() - 2), ' ');
  part_ = Part::done;
  if (words[1] == "UNKNOWN") return {};
  if (words[1] != "TCP4" && words[1] != "TCP6") return bad("unknown protocol");
  if (words.size() != 6) return bad("not two addresses and two ports");
  const int family = words[1] == "TCP4" ? AF_INET : AF_INET6;
  header_.client.ip = read_ip(family, words[2]);
  header_.destination.ip = read_ip(family, words[3]);
  if (header_.client.ip.empty() || header_.destination.ip.empty())
    return bad(fmt::format("no {} address", family == AF_INET ? "IPv4" : "IPv6"));
  if (!read_port(words[4], header_.client.port) || !read_port(words[5], header_.destination.port))
    return bad("a port is no number below 65536");
  header_.proxied = true;
  return {};
}

Status ProxyHeaderParser::fixed() {
  if (seen_.size() < kFixed) return {};
  const unsigned version = octet_at(seen_, 12) >> 4, command = octet_at(seen_, 12) & 15, family = octet_at(seen_, 13);
  left_ = number_at(seen_, 14);
  if (version != 2) return fail(fmt::format("bad PROXY header: version {}", version));
  if (command > 1) return fail(fmt::format("bad PROXY header: command {}", command));
  if (left_ > kMaxLength) return fail(fmt::format("bad PROXY header: {} octets, at most {}", left_, kMaxLength));
  if (command == 0) {
    part_ = left_ == 0 ? Part::done : Part::rest;
    return {};
  }
  if (family != 0x11 && family != 0x21)
    return fail(fmt::format("bad PROXY header: neither TCP over IPv4 nor over IPv6 (0x{:02x})", family));
  if (left_ < addresses_size(family)) return fail("bad PROXY header: too short for its addresses");
  part_ = Part::addresses;
  return {};
}

Status ProxyHeaderParser::addresses() {
  const bool v4 = octet_at(seen_, 13) == 0x11;
  const int family = v4 ? AF_INET : AF_INET6;
  const std::size_t size = v4 ? 4 : 16, ports = kFixed + 2 * size;
  if (wanted() > 0) return {};
  header_.client = {ip_text(family, seen_.data() + kFixed), number_at(seen_, ports)};
  header_.destination = {ip_text(family, seen_.data() + kFixed + size), number_at(seen_, ports + 2)};
  header_.proxied = true;
  part_ = left_ == 0 ? Part::done : Part::rest;
  return {};
}

}  // namespace remex::smtp
