// Driver instances as the reader leaves them, and booleans that may be expansions.
#include "lang/driver.h"

#include <fmt/format.h>

#include "core/base/strings.h"

namespace remex::lang {

Result<bool> ExpandedBool::eval(Scope& scope) const {
  if (!expansion.is_set()) return value;
  REMEX_TRY(const Text text, expansion.eval(scope));
  const std::string word = to_lower(trim(text.view()));
  if (word == "true" || word == "yes") return true;
  if (word == "false" || word == "no" || word.empty()) return false;  // ${if ...} without {yes}{no}
  return fail(fmt::format("\"{}\" is not a valid boolean value", printable(text.view())));
}

const DriverInstance::Given* DriverInstance::find_given(std::string_view option) const {
  for (const Given& g : given)
    if (g.def->name == option) return &g;
  return nullptr;
}

}  // namespace remex::lang
