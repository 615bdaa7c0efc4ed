// Giving the spool's and the log's directories to the user that the program runs as, by root.
#pragma once

#include "core/daemon/process.h"

namespace remex::daemon {

/// How far root goes.
enum class HandOver {
  all,      ///< the daemon begins: also what lies in a spool that is handed over already
  missing,  ///< a command: nothing in a directory that belongs to the user already
};

/// Makes the spool's and the log's directories where they are missing, and gives them to `id`: those that this program
/// makes, and the files in them as long as nobody but root could have put them there. What the user can rename is
/// reached by descriptors and through no symbolic link, and a file with a second name is left alone. Only for root;
/// blocking. Error: a directory that cannot be made, opened or given, with its path.
Status hand_over_directories(const Identity& id, const lang::Config& config, HandOver how);
/// The log's directories alone.
Status hand_over_log_directories(const Identity& id, const lang::Config& config);

}  // namespace remex::daemon
