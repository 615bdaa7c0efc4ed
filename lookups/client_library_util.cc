// See client_library.h.
#include <dlfcn.h>

#include <fmt/format.h>

#include "lookups/client_library.h"

namespace remex::lookups {

Result<ClientLibrary> ClientLibrary::open(const char* soname, std::string_view type) {
  ClientLibrary out;
  out.where_ = fmt::format("lookup type \"{}\" needs {}", type, soname);
  out.handle_ = ::dlopen(soname, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (out.handle_ == nullptr) {
    const char* why = ::dlerror();
    return defer(fmt::format("{}, which cannot be opened: {}", out.where_, why != nullptr ? why : "unknown reason"));
  }
  return out;
}

void* ClientLibrary::find(const char* name) {
  void* symbol = ::dlsym(handle_, name);
  if (symbol == nullptr && missing_.empty()) missing_ = name;
  return symbol;
}

Status ClientLibrary::check() const {
  if (missing_.empty()) return {};
  return defer(fmt::format("{}, but this one has no {}", where_, missing_));
}

}  // namespace remex::lookups
