// libcrypt, loaded at the first call (core/base/late_library.h). Include this instead of <crypt.h>; inside namespace
// remex a call finds the object below, not the library's own function. A function that is missing here still works, but
// then every start pays for the library again: add a line.
#pragma once

#include <crypt.h>

#include "core/base/late_library.h"

namespace remex {

extern const LateLibrary crypt_library;

inline constinit const LateFunction<char* (*)(const char*, const char*, crypt_data*)> crypt_r{crypt_library, "crypt_r"};

}  // namespace remex
