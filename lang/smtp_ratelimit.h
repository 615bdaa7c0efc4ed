// The values of smtp_ratelimit_mail and smtp_ratelimit_rcpt: checked when the configuration is loaded, used by the SMTP
// session. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/result.h"

namespace remex::lang {

/// smtp_ratelimit_mail / smtp_ratelimit_rcpt: "threshold,delay,factor,maximum".
struct RateLimit {
  std::int64_t threshold = 2147483647;
  double initial_ms = 0, factor = 1, max_ms = 0;
  /// What the count-th command waits, milliseconds.
  double delay_ms(std::int64_t count) const;
};
Result<RateLimit> parse_rate_limit(std::string_view text);

}  // namespace remex::lang
