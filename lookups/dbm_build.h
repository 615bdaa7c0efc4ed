// Writing of the files that the dbm lookups read; what exim_dbmbuild does.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace remex::lookups {

/// Makes a Berkeley DB hash file of the records at `path`, which must not exist. Blocks. Kind defer: the library is not
/// installed or the file cannot be written; then there is no file.
Status build_dbm(const std::string& path, const std::vector<std::pair<std::string, std::string>>& records);

}  // namespace remex::lookups
