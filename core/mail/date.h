// RFC 5322 dates as they stand in Date: and Received: headers. The other direction is rfc5322_date() in
// core/base/clock.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace remex::mail {

/// Seconds since the epoch of "Sat, 21 Nov 2026 03:36:18 +0000" and its obsolete forms (RFC 5322 4.3: no weekday, no
/// seconds, two-digit years, zone names, comments); nullopt when it is not a date. A wrong weekday name is ignored, a
/// wrong day of a month is not.
std::optional<std::int64_t> parse_rfc5322_date(std::string_view text);

}  // namespace remex::mail
