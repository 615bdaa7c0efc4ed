// One line of Dovecot's authentication protocol (client side, version 1): words separated by tabs.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace remex::authenticators {

struct DovecotLine {
  std::string word;                           ///< OK, FAIL, CONT, MECH, VERSION, ...
  std::string first;                          ///< the field behind it (an id, a mechanism)
  std::map<std::string, std::string> values;  ///< name=value fields; flags have an empty value
  std::string rest;                           ///< CONT: the challenge as it came
};

/// Nullopt: longer than 8192 octets, or it has control characters other than tab.
std::optional<DovecotLine> parse_dovecot_line(std::string_view line);

}  // namespace remex::authenticators
