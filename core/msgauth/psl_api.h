// libpsl, loaded at the first call (core/base/late_library.h). Include this instead of <libpsl.h>; inside namespace
// remex a call finds the object below, not the library's own function. A function that is missing here still works, but
// then every start pays for the library again: add a line.
#pragma once

#include <libpsl.h>

#include "core/base/late_library.h"

namespace remex {

extern const LateLibrary psl_library;

// clang-format off
#define REMEX_LATE(name) inline constinit const LateFunction<decltype(&::name)> name{psl_library, #name};
REMEX_LATE(psl_builtin)
REMEX_LATE(psl_free)
REMEX_LATE(psl_load_file)
REMEX_LATE(psl_registrable_domain)
REMEX_LATE(psl_suffix_count)
REMEX_LATE(psl_unregistrable_domain)
#undef REMEX_LATE
// clang-format on

}  // namespace remex
