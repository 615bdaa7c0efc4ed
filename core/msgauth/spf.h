// SPF (RFC 7208): may this client send mail for this domain? Used by the ACL conditions spf and spf_guess, the spf
// lookup and DMARC.
//
// Whatever a domain publishes costs at most 10 terms that look something up, 2 lookups without an answer, 10 names per
// MX or PTR answer and 20 seconds; a record that wants more is "permerror" (4.6.4), running out of time "temperror".
// Nothing here fails: every outcome is a result.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/dns/resolver.h"

namespace remex::msgauth {

enum class SpfResult : std::uint8_t { none, neutral, pass, fail, softfail, temperror, permerror };
/// "none", "neutral", "pass", ...
std::string_view to_string(SpfResult r);

struct SpfQuery {
  std::string client_ip;
  std::string sender;    ///< envelope sender; empty: postmaster at the HELO name (2.4)
  std::string helo;      ///< as the client said it
  std::string receiver;  ///< this host, for comments and %{r}
  std::string guess;     ///< a record for domains that have none ("best guess"); empty: none
  std::int64_t now = 0;  ///< seconds since the epoch, for %{t}
};

struct SpfVerdict {
  SpfResult result = SpfResult::none;
  std::string domain;             ///< checked, lower case
  std::string sender;             ///< checked, never empty
  bool from_helo = false;         ///< the domain is the HELO name
  bool guessed = false;           ///< the result comes from SpfQuery::guess
  std::string matched;            ///< term that decided ("-all"), empty when none did
  std::string why;                ///< for temperror and permerror, for people; nothing foreign unescaped
  std::string explanation;        ///< of the domain (exp=) for a fail; empty: none. Foreign text.
  unsigned terms = 0, voids = 0;  ///< lookups used
};

/// Parks.
SpfVerdict check_spf(dns::Resolver& resolver, const SpfQuery& query);

/// "mx.test: domain of a.test designates 192.0.2.1 as permitted sender": $spf_header_comment. Safe inside a header
/// comment.
std::string spf_comment(const SpfVerdict& v, const SpfQuery& query);
/// The whole header, without line end (RFC 7208 9.1).
std::string received_spf_header(const SpfVerdict& v, const SpfQuery& query);
/// What to tell a client that is refused: the domain's explanation, else `fallback` with macros expanded (7). Empty
/// unless the result is fail, softfail or neutral.
std::string spf_smtp_comment(const SpfVerdict& v, const SpfQuery& query, std::string_view fallback);

}  // namespace remex::msgauth
