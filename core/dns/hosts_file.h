// Names of addresses from /etc/hosts alone. What asks the DNS as well is lookup_address() in resolver.h.
#pragma once

#include <string_view>

#include "core/dns/resolver.h"

namespace remex::dns {

/// Outcome found or no_name; an unreadable file has no names.
HostName find_in_hosts_file(std::string_view ip);

}  // namespace remex::dns
