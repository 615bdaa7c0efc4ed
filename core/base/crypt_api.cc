// The library behind core/base/crypt_api.h.
#include "core/base/crypt_api.h"

namespace remex {

constinit const LateLibrary crypt_library(REMEX_CRYPT_SONAME);

}  // namespace remex
