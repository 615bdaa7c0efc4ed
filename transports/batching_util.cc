// See batching.h.

#include "transports/batching.h"

#include <algorithm>

namespace remex::transports {

const lang::Expansion* batch_option(const lang::DriverInstance& t, const TransportDef& def) {
  if (t.find_given(def.batch_by) == nullptr) return nullptr;
  const auto& options = t.def->options;
  const auto own =
      std::find_if(options.begin(), options.end(), [&def](const OptionDef& o) { return o.name == def.batch_by; });
  return own == options.end() || own->ref == nullptr ? nullptr
                                                     : static_cast<const lang::Expansion*>(own->ref(t.options.get()));
}

}  // namespace remex::transports
