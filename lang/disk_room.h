// Room on the file systems of the spool and of the log: for the check_... options and for $spool_space and its like.
// Nothing fails: what cannot be asked is unknown.
#pragma once

#include <cstdint>

#include "core/base/result.h"

namespace remex::lang {

struct MainOptions;

struct DiskRoom {
  std::int64_t kib = -1;     ///< free for this process; -1 unknown
  std::int64_t inodes = -1;  ///< -1 unknown, also where a file system has no fixed number
};

/// Of the file system that has spool_directory. A system call; may be slow on a dead network mount.
DiskRoom spool_room(const MainOptions& options);
/// Of the file system that has the main log; unknown when the log goes to syslog only.
DiskRoom log_room(const MainOptions& options);

/// Whether a message of `octets` (0: not known) may come in: check_spool_space, check_spool_inodes, check_log_space and
/// check_log_inodes are kept. The error (kind defer) says what is short. Unknown is enough.
Status check_room(const MainOptions& options, const DiskRoom& spool, const DiskRoom& log, std::int64_t octets);

}  // namespace remex::lang
