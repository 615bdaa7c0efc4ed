// The version of this build; the one place where it is written (CMake reads it from here).
#pragma once

namespace remex {
#define REMEX_VERSION "0.1.0"
inline constexpr const char* kVersion = REMEX_VERSION;
}  // namespace remex
