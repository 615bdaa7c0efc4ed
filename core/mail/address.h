// Mail addresses: RFC 5321 paths and RFC 5322 header addresses. No I/O.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

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
  bool allow_null = false;       ///< "<>" (MAIL FROM)
  bool allow_unqualified = false;
  bool allow_domain_literal = false;
  bool allow_utf8 = false;       ///< SMTPUTF8
  bool strip_trailing_dot = false;
};

/// Parses what stands between MAIL FROM:/RCPT TO: and the parameters, angle brackets optional; a source route is dropped
/// (RFC 5321 4.1.1.3). Error text is Exim-like ("malformed address: ... may not follow ...").
Result<Address> parse_path(std::string_view text, const PathOptions& opt);
/// Splits "local@domain" at the last unquoted @ without checks.
Address split_address(std::string_view addr);
/// Address quoting rules: adds quotes around a local part that needs them (RFC 5322 3.4.1).
std::string quote_local_part(std::string_view local);

struct HeaderAddress {
  std::string display;  ///< phrase, decoded quotes removed, may be empty
  Address address;
};
/// Parses an address-list header body (groups are flattened, comments dropped). Error names the offending place.
/// `allow_unqualified` accepts a bare local part.
Result<std::vector<HeaderAddress>> parse_address_list(std::string_view body, bool allow_unqualified = true);
/// The first address of a header body; empty on a syntax error (`${address:}` semantics).
std::string extract_address(std::string_view body);

/// Valid LDH host name (labels 1..63, total 255; underscore allowed when `lax`).
bool is_domain_name(std::string_view name, bool lax = false);
bool is_ip_address(std::string_view s);
bool is_ipv4(std::string_view s);
bool is_ipv6(std::string_view s);

}  // namespace remex::mail
