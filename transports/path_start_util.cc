// See path_start.h.
#include "transports/path_start.h"

#include "lang/word_match.h"

namespace remex::transports {

std::string constant_start(const lang::DriverInstance& d, std::string_view option) {
  const auto* given = d.find_given(option);
  if (given == nullptr) return {};
  const std::string source = given->value.text();
  const std::string_view start = lang::constant_part(source);
  return start.starts_with('/') ? std::string(start.substr(0, start.rfind('/') + 1)) : std::string();
}

}  // namespace remex::transports
