// The library behind core/io/gnutls.h.
#include "core/io/gnutls.h"

namespace remex::io {

constinit const LateLibrary gnutls_library(REMEX_GNUTLS_SONAME);

}  // namespace remex::io
