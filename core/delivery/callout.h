// Callouts: asking the hosts an address routes to whether they would take it (verify = .../callout). Private to
// core/delivery; the manual, chapter "Access control lists", sections on callouts.
//
// Answers are remembered in the hints table "callout", per address and per domain. A cache that cannot be read or
// written costs speed only.
#pragma once

#include "core/delivery/delivery.h"
#include "lang/callout.h"

namespace remex::delivery {

/// Called after `a` was routed. `address` is as it was asked about. Kind ok when there is nobody to call. Parks.
lang::VerifyOutcome call_out(Engine& eng, lang::Scope& scope, routers::Addr& a, const std::string& address, bool sender,
                             const lang::CalloutOptions& opt);

}  // namespace remex::delivery
