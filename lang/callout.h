// The parameters of verify = .../callout=...: read by the ACL when the configuration is loaded, and again by whoever
// does the callout. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace remex::lang {

struct CalloutOptions {
  bool wanted = false;                                   ///< there is a callout option at all
  std::int64_t timeout = 30, connect = 0, max_wait = 0;  ///< seconds; 0 of connect and max_wait: from timeout
  bool defer_ok = false, no_cache = false, random = false, postmaster = false, full_postmaster = false;
  bool use_sender = false, use_postmaster = false, hold = false;
  std::string mail_from;             ///< mailfrom=
  std::string postmaster_mail_from;  ///< postmaster_mailfrom=
};

/// Is this verify option one of a callout (callout, callout=..., callout_defer_ok, check_postmaster)?
bool is_callout_option(std::string_view option);
/// From the options of one verify condition, "/" removed. Errors name the parameter.
Result<CalloutOptions> parse_callout(const std::vector<std::string>& options);

}  // namespace remex::lang
