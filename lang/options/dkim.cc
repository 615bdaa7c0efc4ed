// Main options: DKIM, DMARC and SPF. Bound to lang::MainOptions; see the manual, chapter "Main configuration".
#include "lang/main_options.h"
#include "lang/registry.h"

namespace remex::registry::main_options {

using lang::MainOptions;
using lang::OptionType;
using lang::ref;
using lang::State;

extern const std::span<const OptionDef> dkim;

static constexpr OptionDef defs[] = {
    {.name = "dkim_verify_hashes",
     .type = OptionType::string_list,
     .ref = ref<&MainOptions::dkim_verify_hashes>,
     .default_text = "sha256 : sha512",
     .summary = "Acceptable DKIM hash types, in processing order",
     .tier = 3,
     .examples = {{"sha256"}, {"sha256 : sha512 : sha1"}}},
    {.name = "dkim_verify_keytypes",
     .type = OptionType::string_list,
     .ref = ref<&MainOptions::dkim_verify_keytypes>,
     .default_text = "ed25519 : rsa",
     .summary = "Acceptable DKIM key types, in order",
     .tier = 3,
     .examples = {{"rsa"}, {"ed25519 : rsa"}}},
    {.name = "dkim_verify_min_keysizes",
     .type = OptionType::string_list,
     .ref = ref<&MainOptions::dkim_verify_min_keysizes>,
     .default_text = "rsa=1024 ed25519=250",
     .summary = "Minimum DKIM key bits per type",
     .tier = 3,
     .examples = {{"rsa=2048 ed25519=250"}, {"rsa=1024"}}},
    {.name = "dkim_verify_minimal",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::dkim_verify_minimal>,
     .default_text = "false",
     .summary = "Stop verifying after first passing signature",
     .tier = 3,
     .examples = {{"true"}}},
    {.name = "dkim_verify_signers",
     .type = OptionType::domain_list,
     .ref = ref<&MainOptions::dkim_verify_signers>,
     .default_text = "$dkim_signers",
     .summary = "Domains/identities for which the DKIM ACL runs",
     .tier = 2,
     .examples = {{"$dkim_signers : example.org"}}},
    {.name = "dmarc_forensic_sender",
     .type = OptionType::expanded,
     .ref = ref<&MainOptions::dmarc_forensic_sender>,
     .summary = "Sender for DMARC forensic reports",
     .state = State::later,
     .tier = 3},
    {.name = "dmarc_history_file",
     .type = OptionType::expanded,
     .ref = ref<&MainOptions::dmarc_history_file>,
     .summary = "File collecting DMARC results for opendmarc tools",
     .state = State::later,
     .sink = "file",
     .tier = 3},
    {.name = "dmarc_tld_file",
     .type = OptionType::expanded,
     .ref = ref<&MainOptions::dmarc_tld_file>,
     .summary = "Public suffix list path; empty disables DMARC",
     .sink = "file",
     .tier = 2,
     .examples = {{"/usr/share/publicsuffix/public_suffix_list.dat"}, {"${if exists{/etc/psl}{/etc/psl}}"}}},
    {.name = "spf_guess",
     .type = OptionType::string,
     .ref = ref<&MainOptions::spf_guess>,
     .default_text = "v=spf1 a/24 mx/24 ptr ?all",
     .summary = "Record used by spf_guess",
     .tier = 4,
     .examples = {{"v=spf1 a/24 mx/24 ptr ?all"}, {"v=spf1 mx ?all"}}},
    {.name = "spf_smtp_comment_template",
     .type = OptionType::expanded,
     .ref = ref<&MainOptions::spf_smtp_comment_template>,
     .default_text = "Please%_see%_http://www.open-spf.org/Why",
     .summary = "Template for SPF SMTP comment",
     .tier = 3,
     .examples = {{"Please see https://spf.example.org/why?s=$sender_address"}, {"SPF of $sender_address_domain"}}},
};

constinit const std::span<const OptionDef> dkim{defs};

}  // namespace remex::registry::main_options
