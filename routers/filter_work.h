// Running a user's filter: in this process as far as it only looks at the message, else in a courier's child that is
// the user. The asking half is used by redirect.cc and the system filter, the doing half by core/daemon/courier.cc.
#pragma once

#include <string>

#include "core/io/courier.h"
#include "lang/filter/filter.h"
#include "routers/router.h"

namespace remex::routers {

/// Runs `text` for `addr` as the user of the router. Kind defer: it could not be run as that user. Parks.
Result<lang::filter::Outcome> run_filter(RouteContext& ctx, const lang::DriverInstance& r, const Addr& addr,
                                         const std::string& text, const lang::filter::Options& options);

/// What the system filter may do.
lang::filter::Options system_filter_options();
/// What a child needs to know of the message and the address.
io::Fields filter_request(const lang::Scope& scope, const std::string& text, const lang::filter::Options& options);
/// In the courier's child, as the user, inside a loop: the answer to filter_request(). Parks.
io::Fields perform_filter(const io::Fields& f, const lang::Config& config, lang::Services& services);

}  // namespace remex::routers
