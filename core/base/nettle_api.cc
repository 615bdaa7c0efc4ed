// The library behind core/base/nettle_api.h.
#include "core/base/nettle_api.h"

namespace remex {

constinit const LateLibrary nettle_library(REMEX_NETTLE_SONAME);

}  // namespace remex
