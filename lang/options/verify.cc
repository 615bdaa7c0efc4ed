// Main options: verification and callouts. Bound to lang::MainOptions; see the manual, chapter "Main configuration".
#include "lang/main_options.h"
#include "lang/registry.h"

namespace remex::registry::main_options {

using lang::MainOptions;
using lang::OptionType;
using lang::ref;
using lang::State;

extern const std::span<const OptionDef> verify;

static constexpr OptionDef defs[] = {
    {.name = "callout_domain_negative_expire",
     .type = OptionType::time,
     .ref = ref<&MainOptions::callout_domain_negative_expire>,
     .default_text = "3h",
     .summary = "Cache life of negative domain callout result",
     .tier = 3,
     .examples = {{"1h"}}},
    {.name = "callout_domain_positive_expire",
     .type = OptionType::time,
     .ref = ref<&MainOptions::callout_domain_positive_expire>,
     .default_text = "7d",
     .summary = "Cache life of positive domain callout result",
     .tier = 3,
     .examples = {{"2d"}}},
    {.name = "callout_negative_expire",
     .type = OptionType::time,
     .ref = ref<&MainOptions::callout_negative_expire>,
     .default_text = "2h",
     .summary = "Cache life of negative address callout result",
     .tier = 3,
     .examples = {{"30m"}}},
    {.name = "callout_positive_expire",
     .type = OptionType::time,
     .ref = ref<&MainOptions::callout_positive_expire>,
     .default_text = "24h",
     .summary = "Cache life of positive address callout result",
     .tier = 3,
     .examples = {{"12h"}}},
    {.name = "callout_random_local_part",
     .type = OptionType::expanded,
     .ref = ref<&MainOptions::callout_random_local_part>,
     .default_text = "$primary_hostname-$tod_epoch-testing",
     .summary = "Local part used by the callout \"random\" probe",
     .tier = 3,
     .examples = {{"nobody-$tod_epoch"}}},
    {.name = "helo_try_verify_hosts",
     .type = OptionType::host_list,
     .ref = ref<&MainOptions::helo_try_verify_hosts>,
     .summary = "Hosts whose HELO is checked but not enforced",
     .tier = 2,
     .examples = {{"*"}}},
    {.name = "helo_verify_hosts",
     .type = OptionType::host_list,
     .ref = ref<&MainOptions::helo_verify_hosts>,
     .summary = "Hosts rejected if HELO does not verify",
     .tier = 2,
     .examples = {{"!+relay_from_hosts : *.example.net"}}},
    {.name = "host_reject_connection",
     .type = OptionType::host_list,
     .ref = ref<&MainOptions::host_reject_connection>,
     .summary = "Hosts rejected at connect, before connect ACL",
     .tier = 2,
     .examples = {{"203.0.113.99 : 198.51.100.0/28"}}},
};

constinit const std::span<const OptionDef> verify{defs};

}  // namespace remex::registry::main_options
