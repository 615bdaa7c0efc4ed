// A configuration that is refused, told as Exim tells it: only for builds with test hooks (docs/test-build.md).
#pragma once

#include <string_view>

#include "core/cli/options.h"
#include "lang/config.h"

namespace remex::cli {

/// Writes the text of lang::exim_wording() to standard error with the date, as "LOG:" lines where the mode tells more,
/// and to the panic log, unless the mode only tests. `refused`: what was read (may be null: nothing); its log_file_path
/// is obeyed when it is set. Root becomes exim_user for good, so that the log is his: the caller ends the process.
void tell_config_fault(const Options& o, std::string_view text, const lang::Config* refused);

}  // namespace remex::cli
