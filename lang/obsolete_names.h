// Names that older configurations use and what stands there now; for the hint of "unknown option".
#pragma once

#include <string_view>

namespace remex::lang {

/// What to write instead of an option that no longer exists; empty when the name never was one.
std::string_view replacement_for(std::string_view option);

}  // namespace remex::lang
