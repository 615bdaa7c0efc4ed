// Main options: named lists (read by the reader itself). Bound to lang::MainOptions; see the manual, chapter "Main
// configuration".
#include "lang/main_options.h"
#include "lang/registry.h"

namespace remex::registry::main_options {

using lang::MainOptions;
using lang::OptionType;
using lang::ref;
using lang::State;

extern const std::span<const OptionDef> named_lists;

static constexpr OptionDef defs[] = {
    {.name = "addresslist", .type = OptionType::special, .summary = "Defines a named address list"},
    {.name = "addresslist_cache",
     .type = OptionType::special,
     .summary = "Defines a named address list, answers always cached",
     .tier = 2},
    {.name = "domainlist", .type = OptionType::special, .summary = "Defines a named domain list"},
    {.name = "domainlist_cache",
     .type = OptionType::special,
     .summary = "Defines a named domain list, answers always cached",
     .tier = 2},
    {.name = "hostlist", .type = OptionType::special, .summary = "Defines a named host list"},
    {.name = "hostlist_cache",
     .type = OptionType::special,
     .summary = "Defines a named host list, answers always cached",
     .tier = 2},
    {.name = "localpartlist", .type = OptionType::special, .summary = "Defines a named local part list", .tier = 2},
    {.name = "localpartlist_cache",
     .type = OptionType::special,
     .summary = "Defines a named local part list, answers always cached",
     .tier = 2},
};

constinit const std::span<const OptionDef> named_lists{defs};

}  // namespace remex::registry::main_options
