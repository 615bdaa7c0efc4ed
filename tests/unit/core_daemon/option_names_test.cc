// Every option of the language's reference (tests/golden/options.tsv: kind, scope, name, type, expanded, tier) is in
// the registry under its driver, with a type that reads the same values. A name that is not known would be "unknown
// option" to its user.
#include <fmt/format.h>

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <set>

#include "core/base/strings.h"
#include "core/daemon/registries.h"
#include "lang/driver.h"

namespace {

using namespace remex;
using lang::OptionType;

/// Types that take what the reference calls `type`.
bool fits(OptionType t, std::string_view type) {
  using T = OptionType;
  const auto one_of = [t](std::initializer_list<T> list) {
    return std::find(list.begin(), list.end(), t) != list.end();
  };
  const bool text =
      one_of({T::string, T::expanded, T::dollar_expanded, T::string_list, T::expanded_list, T::user, T::group,
              T::repeated_expanded, T::expanded_integer, T::expanded_time, T::user_list, T::group_list});
  if (type == "boolean") return one_of({T::boolean, T::expanded_boolean});
  if (type == "integer") return one_of({T::integer, T::expanded_integer, T::expanded});
  if (type == "octal integer") return t == T::octal;
  if (type == "fixed-point") return t == T::fixed;
  if (type == "time") return one_of({T::time, T::expanded_time});
  if (type == "time list") return t == T::time_list;
  if (type == "host list") return one_of({T::host_list}) || text;
  if (type == "domain list") return one_of({T::domain_list}) || text;
  if (type == "address list") return one_of({T::address_list}) || text;
  if (type == "local part list") return one_of({T::local_part_list}) || text;
  return text || one_of({T::host_list, T::domain_list, T::address_list, T::integer, T::time});
}

const OptionDef* find(std::span<const OptionDef> options, std::string_view name) {
  for (const OptionDef& o : options)
    if (o.name == name) return &o;
  return nullptr;
}

const OptionDef* find(const lang::Registries& reg, std::string_view kind, std::string_view scope,
                      std::string_view name) {
  if (kind == "main") {
    for (const OptionDef* o : reg.main_options)
      if (o->name == name) return o;
    return nullptr;
  }
  const std::size_t family = kind == "router" ? 0 : kind == "transport" ? 1 : 2;
  if (scope == "generic") return find(reg.families[family]->generic_options, name);
  for (const lang::DriverDef* d : family == 0 ? reg.routers : family == 1 ? reg.transports : reg.authenticators)
    if (d->name == scope) return find(d->options, name);
  return nullptr;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_option_of_the_reference_is_known_with_its_type) {
  const auto reg = daemon::all_registries();
  std::ifstream table(REMEX_SOURCE_DIR "/tests/golden/options.tsv");
  std::string line;
  std::getline(table, line);
  int rows = 0;
  std::string missing;
  while (std::getline(table, line)) {
    const auto cell = split(line, '\t');
    BOOST_REQUIRE_EQUAL(cell.size(), 6U);
    ++rows;
    const OptionDef* o = find(*reg, cell[0], cell[1], cell[2]);
    if (o == nullptr)
      missing += fmt::format("\n  {} {} {}", cell[0], cell[1], cell[2]);
    else if (o->type != OptionType::special && !fits(o->type, cell[3]))
      missing += fmt::format("\n  {} {} {}: type {} does not read a {}", cell[0], cell[1], cell[2],
                             static_cast<int>(o->type), cell[3]);
  }
  BOOST_TEST(rows > 600);
  BOOST_TEST(missing == "", "not in the registry:" << missing);
}
