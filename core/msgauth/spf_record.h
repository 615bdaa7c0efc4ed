// SPF records (RFC 7208 4.6, 5, 6, 12) and their macro strings (7). Foreign text: linear, bounded, no I/O.
//
// core/msgauth/spf.h evaluates what is parsed here. A syntax error anywhere in a record is an error of the whole: the
// evaluator turns it into "permerror".
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::msgauth {

inline constexpr std::size_t kMaxSpfRecord = 8 * 1024;  ///< octets of one record
inline constexpr std::size_t kMaxSpfTerms = 200;

enum class SpfQualifier : std::uint8_t { pass, fail, softfail, neutral };
enum class SpfMechanismKind : std::uint8_t { all, include, a, mx, ptr, ip4, ip6, exists };

struct SpfMechanism {
  SpfMechanismKind kind = SpfMechanismKind::all;
  SpfQualifier qualifier = SpfQualifier::pass;
  std::string domain_spec;  ///< macros not expanded; empty: the domain being checked
  std::string address;      ///< ip4, ip6: 4 or 16 octets
  unsigned prefix4 = 32, prefix6 = 128;
  std::string text;  ///< as it stands in the record
};

struct SpfRecord {
  std::vector<SpfMechanism> mechanisms;
  std::string redirect, exp;  ///< domain-specs, empty: not there
};

/// The version section is "v=spf1" and ends there (RFC 7208 4.5).
bool is_spf_record(std::string_view text);
/// All terms, or what is wrong with the first bad one.
Result<SpfRecord> parse_spf_record(std::string_view text);

/// Values of the macro letters.
struct SpfMacros {
  std::string sender;                           ///< s: with a local part and a domain, never empty
  std::string domain;                           ///< d
  std::string client_ip;                        ///< an IPv4 or IPv6 address as text: i, c, v
  std::string helo;                             ///< h
  std::string receiver;                         ///< r
  std::int64_t now = 0;                         ///< t: seconds since the epoch
  std::function<std::string()> validated_name;  ///< p: may ask the DNS; called when the letter occurs
};

/// `explanation`: c, r and t and blanks are allowed. Error: syntax, or a result longer than 4 KiB.
Result<std::string> expand_spf_macros(std::string_view text, const SpfMacros& values, bool explanation);
/// The same for a domain name: labels are dropped from the left until it has at most 253 octets (RFC 7208 7.3).
Result<std::string> expand_spf_domain(std::string_view spec, const SpfMacros& values);

/// The 4 or 16 octets of an address, an IPv4-mapped IPv6 address as IPv4; empty for anything else.
std::string spf_address_octets(std::string_view ip);

}  // namespace remex::msgauth
