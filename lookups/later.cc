// Lookup types of the language that this version cannot serve. Naming one is an error when the configuration loads; the
// summary, which the error shows, says why.
#include "lang/lookup.h"

namespace remex::lookups {

namespace {

using lang::LookupDef;
using lang::LookupStyle;
using lang::State;

constexpr LookupDef single(std::string_view name, std::string_view summary) {
  return {.name = name, .style = LookupStyle::single_key, .summary = summary, .state = State::later};
}
constexpr LookupDef query(std::string_view name, std::string_view summary) {
  return {.name = name, .style = LookupStyle::query, .summary = summary, .state = State::later, .needs_quoting = true};
}

constexpr LookupDef defs[] = {
    single("nis", "NIS map: export it to a file and use lsearch or cdb"),
    single("nis0", "NIS map, keys with a final NUL: export it to a file and use dbm"),
    query("ibase", "InterBase SQL: its client library is not in Debian"),
    query("nisplus", "NIS+: no system serves it any more"),
    query("oracle", "Oracle SQL: its client library is not in Debian"),
    query("whoson", "Whoson server: its client library is not in Debian"),
};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> later;
constinit const std::span<const LookupDef> later{remex::lookups::defs};
}  // namespace remex::registry::lookups
