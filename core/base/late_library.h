// Shared libraries that are opened at the first call into them: a command that never speaks TLS or asks the DNS does
// not pay for loading and binding what only those need.
//
// Used by core/io/gnutls.h, core/dns/unbound.h and the other *_api.h. The program is linked without the library
// (--as-needed leaves it out when all calls go this way). A library or function that is missing is a broken
// installation: the program says so and ends; a server asks with open() when it starts.
#pragma once

#include <atomic>

#include "core/base/result.h"

namespace remex {

class LateLibrary {
 public:
  explicit constexpr LateLibrary(const char* soname) : soname_(soname) {}
  /// Opens the library now. Error: it is not there. Any thread.
  Status open() const;
  /// A function or variable of it. Ends the program when there is none.
  void* symbol(const char* name) const;

 private:
  const char* soname_;
  mutable std::atomic<void*> handle_{nullptr};
};

/// A function of a LateLibrary, called like the function. `F` is its pointer type.
template <class F>
class LateFunction;
template <class R, class... A>
class LateFunction<R (*)(A...)> {
 public:
  using Pointer = R (*)(A...);
  constexpr LateFunction(const LateLibrary& library, const char* name) : library_(library), name_(name) {}
  R operator()(A... args) const { return pointer()(args...); }
  Pointer pointer() const {
    Pointer f = pointer_.load(std::memory_order_acquire);
    if (f == nullptr) {
      f = reinterpret_cast<Pointer>(library_.symbol(name_));
      pointer_.store(f, std::memory_order_release);
    }
    return f;
  }

 private:
  const LateLibrary& library_;
  const char* name_;
  mutable std::atomic<Pointer> pointer_{nullptr};
};

namespace io {
using remex::LateFunction;
using remex::LateLibrary;
}  // namespace io

}  // namespace remex
