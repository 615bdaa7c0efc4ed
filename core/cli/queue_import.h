// remex queue import: messages out of an Exim spool directory.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/cli/options.h"
#include "lang/config.h"

namespace remex::cli {

/// `words`: what follows "import" on the command line. Exit status 0: every message of the folder is (or was) taken;
/// 1: some are not, each told on standard error with its file; EX_USAGE: bad arguments.
int run_queue_import(const Options& o, const std::shared_ptr<const lang::Config>& config,
                     const std::vector<std::string>& words);

}  // namespace remex::cli
