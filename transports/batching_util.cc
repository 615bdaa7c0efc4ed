// See batching.h.

#include "transports/batching.h"

#include <algorithm>

namespace remex::transports {

const lang::Expansion* batch_id(const lang::DriverInstance& t) {
  if (t.find_given("batch_id") == nullptr) return nullptr;
  const auto& options = t.def->options;
  const auto own =
      std::find_if(options.begin(), options.end(), [](const OptionDef& o) { return o.name == "batch_id"; });
  return own == options.end() || own->ref == nullptr ? nullptr
                                                     : static_cast<const lang::Expansion*>(own->ref(t.options.get()));
}

}  // namespace remex::transports
