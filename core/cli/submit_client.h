// The command's side of a submission that the daemon takes for the caller (core/daemon/submit_service.h).
#pragma once

#include <string>

#include "core/cli/options.h"

namespace remex::cli {

/// Can this process keep messages in the spool itself? False only when it has no right to: what else is wrong with a
/// spool is found where it is used.
bool may_write_spool(const std::string& spool_directory);
/// The same for looking at the queue.
bool may_read_spool(const std::string& spool_directory);

/// Is it one of the modes that the daemon does for callers without a right to the spool?
bool can_hand_over(const Options& o);
/// Does what `o` asks for by the daemon of that spool, with this process's standard input, output and error. Exit
/// status; 75 with a line on standard error when no daemon takes it. Standard input of a message is read to its end
/// first, so that whoever writes it slowly keeps nobody waiting.
int hand_over(const Options& o, const std::string& spool_directory);

}  // namespace remex::cli
