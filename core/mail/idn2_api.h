// libidn2, loaded at the first call (core/base/late_library.h). Include this instead of <idn2.h>; inside namespace
// remex a call finds the object below, not the library's own function. A function that is missing here still works, but
// then every start pays for the library again: add a line.
#pragma once

#include <idn2.h>

#include "core/base/late_library.h"

namespace remex {

extern const LateLibrary idn2_library;

// clang-format off
#define REMEX_LATE(name) inline constinit const LateFunction<decltype(&::name)> name{idn2_library, #name};
REMEX_LATE(idn2_free)
REMEX_LATE(idn2_strerror)
REMEX_LATE(idn2_to_ascii_8z)
REMEX_LATE(idn2_to_unicode_8z8z)
#undef REMEX_LATE
// clang-format on

}  // namespace remex
