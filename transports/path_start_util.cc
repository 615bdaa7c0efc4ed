// See path_start.h.
#include "transports/path_start.h"

namespace remex::transports {

std::string constant_start(const lang::DriverInstance& d, std::string_view option) {
  const auto* given = d.find_given(option);
  if (given == nullptr) return {};
  const std::string source = given->value.text();
  std::string start = source.substr(0, source.find_first_of("$\\\"{"));
  return start.starts_with('/') ? start.substr(0, start.rfind('/') + 1) : std::string();
}

}  // namespace remex::transports
