// -bP: the configuration as it was understood, in Exim's form ("name = value", "no_name"). Used by core/cli.
#pragma once

#include <string>
#include <vector>

#include "lang/config.h"

namespace remex::lang {

/// Appends what `-bP words...` prints to `out` (complaints to `err`) and returns the exit status. No words: all main
/// options. Words: main option names, "+list", "config", "config_file", "configure_file", "environment",
/// "log_file_path", "macros", "macro NAME", "routers", "router NAME", "router_list" and the same for transports and
/// authenticators, and plain names of instances. `admin` false hides values marked with `hide`; `terse` prints values
/// alone (-n). A name alone is followed by its value.
int print_config(const Config& config, const std::vector<std::string>& words, bool admin, bool terse, std::string& out,
                 std::string& err);

}  // namespace remex::lang
