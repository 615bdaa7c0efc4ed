// MTA-STS (RFC 8461): what a domain says about TLS at its hosts, from the cache in the hints, the DNS and its web
// server. Used by the smtp transport.
#pragma once

#include <optional>
#include <string>

#include "lang/scope.h"
#include "transports/mta_sts_policy.h"

namespace remex::transports {

/// False: this build cannot fetch policies (libcurl's headers were missing).
bool mta_sts_is_built();

/// `addresses` of `host` are known already. `ca`: "system" or a file of trusted certificates. One request, no
/// redirection, at most 20 seconds and 64 KiB; few at a time. Kind defer when there is no answer of use, timed_out when
/// its turn did not come before the fiber's deadline; the text is printable and says why. Parks (in the thread pool).
Result<std::string> fetch_mta_sts(const std::string& host, const std::vector<std::string>& addresses,
                                  const std::string& ca);

/// The policy of `domain` (an A-label) in force now; none: there is none, or it is "none". A policy that cannot be
/// fetched again stays in force until its max_age is over; what went wrong is logged then. Kind defer: it is not known,
/// and cannot be asked for now because too many others are being fetched (strangers choose how slow their servers are,
/// and that shall cost nobody his protection). Parks.
Result<std::optional<MtaStsPolicy>> find_mta_sts(lang::Services& services, const std::string& domain,
                                                 const std::string& ca);

}  // namespace remex::transports
