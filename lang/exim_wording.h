// What is wrong with a configuration in Exim's form and words, for builds with test hooks (docs/test-build.md): an
// acceptance harness compares it with Exim's. Exim stops at the first error, so only that one is worded. Learned from
// Exim's output (tests/oracle/config_errors.py compares). Used by core/cli.
#pragma once

#include <string>
#include <string_view>

#include "lang/diagnostics.h"

namespace remex::lang {

/// The first error that Exim would stop at, without the date: "Exim configuration error in line 3 of FILE:\n  main
/// option "xyz" unknown". What Exim has no words for has remex's own. Needs at least one error, found in test mode.
std::string exim_wording(const Diagnostics& diagnostics);

/// An error of this kind is found when the configuration is read here, and by Exim when the text is used: expansions,
/// items of lists, names of ACLs and transports.
bool exim_finds_later(std::string_view name, std::string_view message);

}  // namespace remex::lang
