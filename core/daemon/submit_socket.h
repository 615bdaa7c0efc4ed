// The socket in the spool directory at which the daemon takes messages from whoever may not write the spool. The master
// makes it and keeps it, as it does with ports; the worker accepts at it (submit_service.h).
#pragma once

#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/io/stream.h"
#include "lang/config.h"

namespace remex::daemon {

std::string submit_socket(const std::string& spool_directory);

/// Makes the socket, for everybody, and lets everybody pass through the spool directory without seeing what is in it. A
/// socket that nobody listens at any more is replaced. Started by root, a child that has become exim_user does it: root
/// touches nothing in that directory. Null: another daemon has it. Error: for the log. Blocks, a moment; forks.
Result<std::unique_ptr<io::Listener>> open_submit_socket(const lang::Config& config);

/// The name goes, so that callers are told at once that nobody takes their messages. Only for whoever made it.
void remove_submit_socket(const std::string& spool_directory);

}  // namespace remex::daemon
