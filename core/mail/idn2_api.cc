// The library behind core/mail/idn2_api.h.
#include "core/mail/idn2_api.h"

namespace remex {

constinit const LateLibrary idn2_library(REMEX_IDN2_SONAME);

}  // namespace remex
