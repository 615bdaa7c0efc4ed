// Giving the spool's and the log's directories to the user that the program runs as, by root.
#pragma once

#include <string>
#include <vector>

#include "core/daemon/process.h"

namespace remex::daemon {

/// How far root goes.
enum class HandOver {
  all,      ///< the daemon begins: also what lies in a spool that is handed over already
  missing,  ///< a command: nothing in a directory that belongs to the user already
};

/// Makes the spool's and the log's directories where they are missing, and gives them to `id`: those that this program
/// makes, and those that are root's alone and hold nothing but this program's files, with these files. Any other stays
/// whose it is. Directories are reached by descriptors; a symbolic link counts only where nobody but root could have
/// made it, and so does each component of its target; a file with a second name is left alone. Only for root; blocking;
/// forks. Value: what the operator should do where `id` cannot write, one line each (mostly empty). Error: a directory
/// that cannot be made, opened or given, with its path.
Result<std::vector<std::string>> hand_over_directories(const Identity& id, const lang::Config& config, HandOver how);
/// The log's directories alone.
Result<std::vector<std::string>> hand_over_log_directories(const Identity& id, const lang::Config& config);

}  // namespace remex::daemon
