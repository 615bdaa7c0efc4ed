// Whether a message that has just arrived waits for a queue run: queue_only, queue_only_file, queue_only_load.
#pragma once

#include <string>

#include "lang/main_options.h"

namespace remex::smtp {

/// The reason for the log ("load average 3.20"), or nothing when delivery starts at once. `latched`: kept per
/// connection; once the load made one message wait, the later ones of the connection wait too (queue_only_load_latch).
/// One stat() per listed file. `overridden`: the caller asked for another way (-odb with queue_only_override).
struct Queueing {
  bool waits = false;
  std::string reason;  ///< empty for queue_only itself, which is not worth a line each time
};
Queueing queueing_on_arrival(const lang::MainOptions& options, bool& latched, bool overridden);

}  // namespace remex::smtp
