// The library behind core/dns/unbound.h.
#include "core/dns/unbound.h"

namespace remex::dns {

constinit const io::LateLibrary unbound_library(REMEX_UNBOUND_SONAME);

}  // namespace remex::dns
