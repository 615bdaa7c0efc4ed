// What this program can do, in the words of `exim -bV`.
#pragma once

#include <string>

namespace remex::cli {

/// The lines of -bV: version, "Support for:", lookups, drivers, scanners. Everything that is listed works: the words
/// follow the registries.
std::string version_text();

}  // namespace remex::cli
