// Small file helpers of the courier's side of transports/.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/fd.h"
#include "core/base/result.h"

namespace remex::transports {

/// mkdir -p with this mode (whatever the umask); new names are synced in their parents.
Status make_directories(const std::string& path, mode_t mode);
/// Writes all of `bytes` into a blocking descriptor. Returns 0 or an errno; `written`, if given, grows by what was
/// written, also before an error.
int write_all(int fd, std::string_view bytes, std::uint64_t* written = nullptr);
/// Not given twice in this process: two threads that make a temporary file take names with another number each.
std::uint32_t own_number();
/// Makes the name of a new file durable.
void sync_parent(const std::string& path);

}  // namespace remex::transports
