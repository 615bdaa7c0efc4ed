// Expansions from arbitrary bytes: they compile or fail, and the pure ones evaluate or fail; nothing else happens.
// links: lang
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "lang/expand.h"
#include "lang/node.h"
#include "lang/scope.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const std::string_view dangerous : {"run", "readfile", "readsocket", "stat", "exists", "lookup", "crypteq"}) {
    if (text.find(dangerous) != std::string_view::npos) return 0;
  }
  remex::lang::Scope scope;
  scope.value = remex::Text::tainted("a@b:c");
  (void)remex::lang::expand_once(text, scope);
  return 0;
}
