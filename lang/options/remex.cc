// Main options: remex's own. Bound to lang::MainOptions; see the manual, chapter "Main configuration".
#include "lang/main_options.h"
#include "lang/registry.h"

namespace remex::registry::main_options {

using lang::MainOptions;
using lang::OptionType;
using lang::ref;
using lang::State;

extern const std::span<const OptionDef> remex;

static constexpr OptionDef defs[] = {
    {.name = "dns_resolvers",
     .type = OptionType::string_list,
     .ref = ref<&MainOptions::dns_resolvers>,
     .summary = "Resolvers to ask, [ip]:port each; empty: those of the system",
     .examples = {{"<; [127.0.0.1]:5353 ; [2001:db8::53]:53"}, {"localhost", "", "E0214"}}},
    {.name = "dns_local_data",
     .type = OptionType::string_list,
     .ref = ref<&MainOptions::dns_local_data>,
     .summary = "Records answered locally, in presentation form (tests, split horizons)",
     .examples = {{"test.example.com. A 127.0.0.1 : test.example.com. MX 10 mail.example.com."},
                  {"test.example.com. NOSUCH x", "", "E0214"}}},
    {.name = "dns_trust_anchor_file",
     .type = OptionType::string,
     .ref = ref<&MainOptions::dns_trust_anchor_file>,
     .summary = "DNSSEC trust anchors; empty: the built-in root anchor",
     .examples = {{"/usr/share/dns/root.key"}, {"/var/lib/unbound/root.key"}}},
    {.name = "enhanced_status_codes_advertise_hosts",
     .type = OptionType::host_list,
     .ref = ref<&MainOptions::enhanced_status_codes_advertise_hosts>,
     .default_text = "*",
     .summary = "Hosts that are offered ENHANCEDSTATUSCODES (RFC 2034) and get the codes in replies",
     .examples = {{"!192.168.0.0/16 : *"}}},
    {.name = "hints_max_records",
     .type = OptionType::integer,
     .ref = ref<&MainOptions::hints_max_records>,
     .default_text = "100000",
     .summary =
         "Records kept of each kind of hint (retry, callout, ratelimit, seen ...); beyond it the oldest are forgotten",
     .examples = {{"20000"}, {"1000000"}}},
    {.name = "lookup_timeout",
     .type = OptionType::time,
     .ref = ref<&MainOptions::lookup_timeout>,
     .default_text = "30s",
     .summary = "How long one server of a pgsql, mysql, redis or ldap lookup may take to connect and to answer",
     .examples = {{"5s"}}},
    {.name = "sandbox",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::sandbox>,
     .default_text = "true",
     .summary =
         "A daemon started by root takes from its worker process what a mail server never needs; false: for finding "
         "out whether that is what stands in the way",
     .examples = {{"false"}}},
    {.name = "sandbox_writable_directories",
     .type = OptionType::string_list,
     .ref = ref<&MainOptions::sandbox_writable_directories>,
     .summary = "Directories the sandboxed worker, and the commands it runs, may write below, besides spool and logs",
     .examples = {{"/var/lib/greylist : /srv/counters"}, {"greylist", "", "E0214"}}},
    {.name = "worker_watchdog",
     .type = OptionType::time,
     .ref = ref<&MainOptions::worker_watchdog>,
     .default_text = "1m",
     .summary =
         "The daemon's worker process is killed and started again when its event loop stands still this long; 0s: "
         "never",
     .examples = {{"5m"}, {"0s"}}},
};

constinit const std::span<const OptionDef> remex{defs};

}  // namespace remex::registry::main_options
