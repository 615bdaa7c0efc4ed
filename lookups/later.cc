// Lookup types of the language that this version cannot serve. Naming one is an error when the configuration loads.
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
    single("cdb", "Constant database"),
    single("dbm", "DBM file, keys with a final NUL"),
    single("dbmjz", "DBM file, keys joined with NUL"),
    single("dbmnz", "DBM file, keys without a final NUL"),
    single("json", "Element of a JSON file"),
    single("lmdb", "LMDB database"),
    single("nis", "NIS map"),
    single("nis0", "NIS map, keys with a final NUL"),
    single("psl", "Public suffix of a domain"),
    single("regdom", "Registered domain of a domain"),
    single("spf", "SPF result for an address"),
    query("ibase", "InterBase SQL"),
    query("ldap", "LDAP, one entry"),
    query("ldapdn", "LDAP, distinguished name of one entry"),
    query("ldapm", "LDAP, several entries"),
    query("mysql", "MySQL or MariaDB"),
    query("nisplus", "NIS+"),
    query("oracle", "Oracle SQL"),
    query("pgsql", "PostgreSQL"),
    query("redis", "Redis"),
    query("sqlite", "SQLite"),
    query("whoson", "Whoson server"),
};

}  // namespace

}  // namespace remex::lookups

namespace remex::registry::lookups {
extern const std::span<const LookupDef> later;
constinit const std::span<const LookupDef> later{remex::lookups::defs};
}  // namespace remex::registry::lookups
