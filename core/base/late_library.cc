// See late_library.h.
#include "core/base/late_library.h"

#include <dlfcn.h>
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>

namespace remex {

Status LateLibrary::open() const {
  if (handle_.load(std::memory_order_acquire) != nullptr) return {};
  // Opened twice by two threads is one library with two references, which are never given back.
  void* h = ::dlopen(soname_, RTLD_NOW | RTLD_GLOBAL);
  if (h == nullptr) return fail(fmt::format("cannot load a library: {}", ::dlerror()));
  handle_.store(h, std::memory_order_release);
  return {};
}

void* LateLibrary::symbol(const char* name) const {
  if (const Status s = open(); !s) {
    fmt::print(stderr, "remex: {}\n", s.error().text);
    std::exit(71);  // EX_OSERR
  }
  void* p = ::dlsym(handle_.load(std::memory_order_acquire), name);
  if (p == nullptr) {
    fmt::print(stderr, "remex: {} has no {}\n", soname_, name);
    std::exit(71);
  }
  return p;
}

}  // namespace remex
