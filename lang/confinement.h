// What the expansions of a user's filter may not do: what the router forbids, and, while the filter runs in a process
// that is not its user's, whatever looks at files or runs anything.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/result.h"
#include "lang/registry.h"

namespace remex::lang {

class Scope;

struct Confinement {
  static constexpr std::uint32_t kExists = 1, kLookup = 2, kPerl = 4, kReadfile = 8, kReadsocket = 16, kRun = 32,
                                 kDlfunc = 64;
  std::uint32_t forbidden = 0;  ///< bits: forbid_filter_* of the router
  bool pure = false;            ///< only what reads and runs nothing
  bool left = false;            ///< something else was met: the evaluation failed for it
};

/// Asked before an item, operator or condition is evaluated. Kind failed, with Exim's text for what is forbidden.
Status check_confinement(const Scope& scope, std::string_view name, Cost cost);

}  // namespace remex::lang
