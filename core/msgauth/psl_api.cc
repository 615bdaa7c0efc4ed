// The library behind core/msgauth/psl_api.h.
#include "core/msgauth/psl_api.h"

namespace remex {

constinit const LateLibrary psl_library(REMEX_PSL_SONAME);

}  // namespace remex
