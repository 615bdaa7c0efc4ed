// See confinement.h.
#include "lang/confinement.h"

#include <fmt/format.h>

#include "lang/scope.h"

namespace remex::lang {
namespace {

struct Rule {
  std::string_view name;
  std::uint32_t bit;
  const char* text;
};
constexpr Rule kRules[] = {
    {"exists", Confinement::kExists, "File existence tests are not permitted"},
    {"stat", Confinement::kExists, "Use of the stat() expansion is not permitted"},
    {"lookup", Confinement::kLookup, "lookup expansions are not permitted"},
    {"perl", Confinement::kPerl, "Perl calls are not permitted"},
    {"readfile", Confinement::kReadfile, "file insertions are not permitted"},
    {"readsocket", Confinement::kReadsocket, "socket insertions are not permitted"},
    {"run", Confinement::kRun, "running a command is not permitted"},
    {"dlfunc", Confinement::kDlfunc, "dynamically-loaded functions are not permitted"},
};

}  // namespace

Status check_confinement(const Scope& scope, std::string_view name, Cost cost) {
  Confinement* c = scope.confined;
  if (c == nullptr) return {};
  if (c->until != Instant::max() && monotonic_now() > c->until) {
    c->left = true;
    return fail("the expansion takes too long");
  }
  if (cost == Cost::pure) return {};
  for (const Rule& r : kRules)
    if (r.name == name && (c->forbidden & r.bit) != 0) return fail(r.text);
  if (!c->pure) return {};
  c->left = true;
  return fail(fmt::format("\"{}\" is not done here with the text of another user: let the command itself do it", name));
}

ConfinedScope::ConfinedScope(Scope& scope, const Confinement& limits)
    : scope_(scope), saved_(scope.confined), limits_(limits) {
  scope_.confined = &limits_;
}

ConfinedScope::~ConfinedScope() { scope_.confined = saved_; }

}  // namespace remex::lang
