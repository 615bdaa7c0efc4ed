// Whose address this is: the reverse lookup of clients, by the ways that host_lookup_order names.
#pragma once

#include <string_view>

#include "core/dns/resolver.h"
#include "lang/scope.h"

namespace remex::lang {

/// With both ways /etc/hosts is asked first, which is quicker and never wrong about this host's own names. Parks.
dns::HostName look_up_client(Scope& scope, std::string_view ip);

}  // namespace remex::lang
