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
    {.name = "addresslist",
     .type = OptionType::special,
     .summary = "Defines a named address list",
     .examples = {{"bad_senders = *@spam.example : joe@example.org"}, {"= *@spam.example", "", "E0402"}}},
    {.name = "addresslist_cache",
     .type = OptionType::special,
     .summary = "Defines a named address list, answers always cached",
     .tier = 2,
     .examples = {{"vips = ceo@example.com"}, {"= ceo@example.com", "", "E0402"}}},
    {.name = "domainlist",
     .type = OptionType::special,
     .summary = "Defines a named domain list",
     .examples = {{"hosted_domains = @ : example.org : dsearch;/etc/remex/domains"},
                  {"all_domains = +local_domain", "", "E0404"}}},
    {.name = "domainlist_cache",
     .type = OptionType::special,
     .summary = "Defines a named domain list, answers always cached",
     .tier = 2,
     .examples = {{"old_domains = *.example.org"}, {"local_domains = example.org", "", "E0403"}}},
    {.name = "hostlist",
     .type = OptionType::special,
     .summary = "Defines a named host list",
     .examples = {{"office_hosts = <; 203.0.113.0/24 ; 2001:db8:0:1::/64"},
                  {"office_hosts = net-lsaerch;/etc/remex/hosts", "", "E0401"}}},
    {.name = "hostlist_cache",
     .type = OptionType::special,
     .summary = "Defines a named host list, answers always cached",
     .tier = 2,
     .examples = {{"backup_hosts = mx2.example.net"}, {"relay_from_hosts = 10.0.0.0/8", "", "E0403"}}},
    {.name = "localpartlist",
     .type = OptionType::special,
     .summary = "Defines a named local part list",
     .tier = 2,
     .examples = {{"role_accounts = postmaster : abuse : ^info-"}, {"role_accounts = ^(info", "", "E0401"}}},
    {.name = "localpartlist_cache",
     .type = OptionType::special,
     .summary = "Defines a named local part list, answers always cached",
     .tier = 2,
     .examples = {{"lists = announce : ^.*-request\\$"}, {"= announce", "", "E0402"}}},
};

constinit const std::span<const OptionDef> named_lists{defs};

}  // namespace remex::registry::main_options
