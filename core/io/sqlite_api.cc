// The library behind core/io/sqlite_api.h.
#include "core/io/sqlite_api.h"

namespace remex {

constinit const LateLibrary sqlite_library(REMEX_SQLITE3_SONAME);

}  // namespace remex
