// The syntax of host and domain names (RFC 1123 2.1), for the rooms below and above core/mail.
#pragma once

#include <string_view>

namespace remex {

/// Letters, digits and inner hyphens in labels of up to 63 octets, 255 in all (the root's dot is not permitted);
/// `lax` permits underscores, which service names have and some hosts.
bool is_domain_name(std::string_view name, bool lax = false);

}  // namespace remex
