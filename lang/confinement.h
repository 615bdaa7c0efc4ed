// What the expansions of a user's filter may not do: what the router forbids, and, while the filter runs in a process
// that is not its user's, whatever looks at files or runs anything. They have a time limit, too.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/clock.h"
#include "core/base/result.h"
#include "lang/registry.h"

namespace remex::lang {

class Scope;

struct Confinement {
  static constexpr std::uint32_t kExists = 1, kLookup = 2, kPerl = 4, kReadfile = 8, kReadsocket = 16, kRun = 32,
                                 kDlfunc = 64;
  std::uint32_t forbidden = 0;     ///< bits: forbid_filter_* of the router
  bool pure = false;               ///< only what reads and runs nothing
  bool left = false;               ///< something else was met, or the time was up: the evaluation failed for it
  Instant until = Instant::max();  ///< nothing is evaluated after this
};

/// Asked before an item, operator or condition is evaluated. Kind failed, with Exim's text for what is forbidden.
Status check_confinement(const Scope& scope, std::string_view name, Cost cost);

/// Confines a scope to the end of the block: for text of a user that is expanded later than their filter ran.
class ConfinedScope {
 public:
  ConfinedScope(Scope& scope, const Confinement& limits);
  ~ConfinedScope();
  ConfinedScope(const ConfinedScope&) = delete;
  ConfinedScope& operator=(const ConfinedScope&) = delete;

 private:
  Scope& scope_;
  Confinement* saved_;
  Confinement limits_;
};

}  // namespace remex::lang
