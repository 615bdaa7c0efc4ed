// The words log_selector understands, for builtin macros and documentation.
#pragma once

#include <string_view>
#include <vector>

namespace remex::log {

std::vector<std::string_view> selector_names();

}  // namespace remex::log
