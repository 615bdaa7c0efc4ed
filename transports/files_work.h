// Small file helpers of the courier's side of transports/.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace remex::transports {

/// mkdir -p with this mode (whatever the umask); new names are synced in their parents. One that cannot be made durable
/// is removed again, so that a repetition does not take it for one that is.
Status make_directories(const std::string& path, mode_t mode);
/// Writes all of `bytes` into a blocking descriptor. Returns 0 or an errno; `written`, if given, grows by what was
/// written, also before an error.
int write_all(int fd, std::string_view bytes, std::uint64_t* written = nullptr);
/// Not given twice in this process: two threads that make a temporary file take names with another number each.
std::uint32_t own_number();
/// Makes the names in the directory `dir` durable. `inside`: a file or directory in it that is open, for a directory
/// that may be written and not read (dir is -1 then, and errno says why) and for file systems that sync no directories:
/// there all of the file system is synced. `path` is for the error.
Status sync_names(int dir, int inside, const std::string& path);
/// As sync_names() for the directory that `path` is in.
Status sync_parent(const std::string& path, int inside);

}  // namespace remex::transports
