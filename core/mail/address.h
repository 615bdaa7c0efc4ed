// Mail addresses: RFC 5321 paths and RFC 5322 header addresses. No I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/domain_name.h"
#include "core/base/result.h"

namespace remex::mail {

/// An address split at its last unquoted @. Case is kept. Empty domain = unqualified. Both empty = the null path.
struct Address {
  std::string local_part;  ///< as transmitted, quotes kept when they were needed
  std::string domain;
  bool empty() const { return local_part.empty() && domain.empty(); }
  std::string str() const { return domain.empty() ? local_part : local_part + "@" + domain; }
};

struct PathOptions {
  bool allow_null = false;  ///< "<>" (MAIL FROM)
  bool allow_unqualified = false;
  bool allow_domain_literal = false;
  bool allow_utf8 = false;  ///< SMTPUTF8
  bool strip_trailing_dot = false;
  bool allow_underscore = false;        ///< in the domain (helo_allow_chars-like leniency)
  bool allow_postmaster = false;        ///< bare "postmaster" in any case (RCPT TO, RFC 5321 4.5.1), without a domain
  std::string_view role = "recipient";  ///< for the text "recipient address must contain a domain"
};

/// Octets allowed in a local part. RFC 5321 4.5.3.1.1 asks for at least 64; VERP and SRS senders are longer.
inline constexpr std::size_t kMaxLocalPart = 255;
/// RFC 1035 2.3.4, as text.
inline constexpr std::size_t kMaxDomain = 255;
/// Addresses one header body may hold; more is an error of parse_address_list.
inline constexpr std::size_t kMaxListAddresses = 32768;

/// Parses what stands between MAIL FROM:/RCPT TO: and the parameters, angle brackets optional; a source route is
/// dropped (RFC 5321 4.1.1.3). Error text is Exim-like ("malformed address: ... may not follow ...").
Result<Address> parse_path(std::string_view text, const PathOptions& opt);
/// One mailbox as a person or a header writes it: comments, a display name in front of angle brackets and a source
/// route are dropped. What `opt` permits holds; the error is in Exim's words ("malformed address: y may not follow x").
Result<Address> parse_mailbox(std::string_view text, const PathOptions& opt);
/// Splits "local@domain" at the last unquoted @ without checks.
Address split_address(std::string_view addr);
/// Address quoting rules: adds quotes around a local part that needs them (RFC 5322 3.4.1).
std::string quote_local_part(std::string_view local);
/// Removes quotes and backslashes: what $local_part shows ("\"x y\"" -> "x y").
std::string unquote_local_part(std::string_view local);

struct HeaderAddress {
  std::string display;  ///< phrase, decoded quotes removed, may be empty
  Address address;
};
/// Parses an address-list header body (groups are flattened, comments dropped). Error names the offending place.
/// `allow_unqualified` accepts a bare local part.
Result<std::vector<HeaderAddress>> parse_address_list(std::string_view body, bool allow_unqualified = true);
/// The one address of a header body; empty on a syntax error, for a group and for more than one address
/// (`${address:}` semantics).
std::string extract_address(std::string_view body);

using remex::is_domain_name;
/// A well-formed UTF-8 string (no overlong forms, no surrogates, nothing above U+10FFFF).
bool is_utf8(std::string_view s);
/// The A-label form of an internationalised domain (IDNA2008, non-transitional), lower case; an ASCII name only gets
/// lower-cased. Refuses code points that IDNA would map to a dot, so that every check sees the name that is routed.
Result<std::string> domain_to_ascii(std::string_view domain);
/// The U-label form; the name itself when it has none.
std::string domain_to_utf8(std::string_view domain);

/// An octet above 127.
bool has_8bit(std::string_view s);
/// A whole address in A-label form, local part included: for hosts that do not know SMTPUTF8. The local part's form is
/// Exim's convention (RFC 6530 has none); it is the same string when it is ASCII.
Result<std::string> address_to_ascii(std::string_view address);

bool is_ip_address(std::string_view s);
bool is_ipv4(std::string_view s);
bool is_ipv6(std::string_view s);

}  // namespace remex::mail
