// Events: what event_action, the main option and that of transports, is expanded for (the manual, chapter "Events").
// Used by whoever does what an event is about.
#pragma once

#include <string>
#include <string_view>

#include "lang/expand.h"
#include "lang/scope.h"

namespace remex::lang {

/// Expands `action` with $event_name, $event_data (tainted: it may quote a peer) and $event_defer_errno. The result is
/// what the action gave: what is not empty forbids what an event before a deed is about. Empty too when the option is
/// not set, when it was forced to fail, and when it cannot be expanded, which goes to the main and the panic log. May
/// park.
std::string raise_event(Scope& scope, const Expansion& action, std::string_view name, std::string_view data = {},
                        int defer_errno = 0);

}  // namespace remex::lang
