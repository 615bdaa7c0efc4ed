// remex queue repair: a whole spool database out of a damaged one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/cli/options.h"
#include "lang/config.h"

namespace remex::cli {

/// `words`: what follows "repair" on the command line: nothing. Exit status 0: the spool is whole now, with every
/// message; 1: with some set aside or lost, each named on standard output and in the log; EX_TEMPFAIL: it could not be
/// repaired and is as it was, or the repair has to be ended by calling this again (standard error says which).
int run_queue_repair(const Options& o, const std::shared_ptr<const lang::Config>& config,
                     const std::vector<std::string>& words);

}  // namespace remex::cli
