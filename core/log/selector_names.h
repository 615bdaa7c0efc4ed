// Words of the log's options: for builtin macros and documentation, and to check them when a configuration is read.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace remex::log {

/// What log_selector understands.
std::vector<std::string_view> selector_names();
/// The number (syslog(3)) of a facility as syslog_facility names it: mail, user, news, uucp, daemon, local0 to local7,
/// in any case and with LOG_ in front or not. nullopt: none of them.
std::optional<int> syslog_facility(std::string_view name);

}  // namespace remex::log
