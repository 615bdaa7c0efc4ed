// What the processes of a daemon do, for remex status and exiwhat: the worker answers on a socket in the spool
// directory, and at SIGUSR1 writes the same into the process log.
#pragma once

#include <string>

#include "core/base/clock.h"
#include "core/base/result.h"

namespace remex::daemon {

/// "PID what it does", one line each, as Exim's exiwhat prints it, with how long it has lasted.
struct StatusFacts {
  long master = -1, worker = -1, courier = -1;  ///< -1: there is none
  std::string daemon;                           ///< "-q15m, listening for SMTP on port 25"
  Instant since{};                              ///< when the worker began
  std::size_t sessions = 0;
  int ends = 0;  ///< workers before this one that ended unexpectedly
};
/// On the loop's thread.
std::string status_text(const StatusFacts& facts);

/// The socket of the daemon with that master: readable by exim_user and its group. It says its text to whoever connects
/// and closes.
std::string status_socket(const std::string& spool_directory, long master);

/// Removes the sockets of daemons that were killed. Parks, for a moment.
void remove_stale_status_sockets(const std::string& spool_directory);

/// Asks all daemons of a spool directory; their texts one behind the other. Parks, at most `limit` for each. Error:
/// none runs, or one does not answer.
Result<std::string> ask_status(const std::string& spool_directory, Millis limit);

/// Writes the text as the process log (process_log_path), taking the place of the one before.
Status write_process_log(const std::string& path, const std::string& text);

}  // namespace remex::daemon
