// Client libraries opened at the first lookup that needs them, so that no mode of remex pays for them at start.
//
// Used by dbm, lmdb, pgsql, mysql and ldap. A library that is not installed is kind defer ("could not look"), tried
// again at the next lookup; once opened it stays for the life of the process.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace remex::lookups {

class ClientLibrary {
 public:
  /// `type` is for the error text: "lookup type pgsql needs libpq.so.5, ...".
  static Result<ClientLibrary> open(const char* soname, std::string_view type);

  /// Sets `function` to the symbol; a missing one is remembered for check().
  template <class F>
  void bind(F*& function, const char* name) {
    function = reinterpret_cast<F*>(find(name));
  }
  /// Kind defer when a symbol was missing.
  Status check() const;

 private:
  void* find(const char* name);

  void* handle_ = nullptr;
  std::string where_, missing_;
};

}  // namespace remex::lookups

/// REMEX_BIND(library, api, PQfinish) -- api.PQfinish = the library's PQfinish.
#define REMEX_BIND(library, api, name) (library).bind((api).name, #name)
