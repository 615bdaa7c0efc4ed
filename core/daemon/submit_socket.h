// The socket in the spool directory at which the daemon takes messages from whoever may not write the spool. The master
// makes it and keeps it, as it does with ports; the worker accepts at it (submit_service.h).
#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>

#include "core/base/result.h"
#include "core/io/stream.h"
#include "lang/config.h"

namespace remex::daemon {

std::string submit_socket(const std::string& spool_directory);

/// The socket, and which file it is: the name may be another one's later.
struct SubmitSocket {
  std::unique_ptr<io::Listener> listener;
  std::string path;
  dev_t device = 0;
  ino_t inode = 0;
};

/// Makes the socket, for everybody, and lets everybody pass through the spool directory without seeing what is in it. A
/// socket that nobody listens at any more is replaced. Started by root, a child that has become exim_user does it: root
/// touches nothing in that directory. Of several daemons that start together one gets it. Nothing: another daemon has
/// it. Error: for the log. Blocks, a moment; forks.
Result<std::optional<SubmitSocket>> open_submit_socket(const lang::Config& config);

/// The name goes, so that callers are told at once that nobody takes their messages, unless it is another daemon's by
/// now. Call it while the socket is still listened at.
void remove_submit_socket(const SubmitSocket& socket);

}  // namespace remex::daemon
