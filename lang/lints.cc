// Warnings on lists: message data expanded into a list before it is split can add items of its own.
#include "lang/lints.h"

#include <fmt/format.h>

#include "lang/config.h"
#include "lang/list_checks.h"
#include "lang/taint_check.h"

namespace remex::lang {

void run_lints(const Config& config, Diagnostics& diagnostics) {
  for_each_list(config, [&](const MatchList& list, const std::string& where, Pos pos) {
    if (!list.expansion().is_set() || list.expansion().is_constant()) return;
    // "net;file" queries need the data; a lookup that quotes it is not tainted text of items.
    if (list.source_text().find(';') != std::string::npos) return;
    const TaintFlow flow = taint_of(list.expansion(), {});
    if (flow.state != TaintState::tainted) return;
    diagnostics.warning(
        "list-injection", pos, static_cast<std::uint32_t>(list.source_text().size()),
        fmt::format("{}: ${} is inserted before the list is split and can add items to it", where, flow.culprit),
        "use a lookup, or compare with ${if eq...} in a condition");
  });
}

}  // namespace remex::lang
