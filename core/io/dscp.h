// The DSCP field of IP packets (RFC 2474): its names, and setting it on a socket. For the server's `control = dscp` and
// the smtp transport's `dscp`.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "core/base/result.h"

namespace remex::io {

/// The DiffServ classes of RFC 2597 and 3246, and the old TOS bits of RFC 1349 as they fall into the field. By name.
std::span<const std::pair<std::string_view, int>> dscp_names();
/// One of these names in any letter case, or a number up to 63, decimal or as 0x3F. Nothing: it is neither.
std::optional<int> parse_dscp(std::string_view text);
/// Marks what leaves through this socket from now on. Error: the kernel's answer. Never parks.
Status set_dscp(int fd, int value);

}  // namespace remex::io
