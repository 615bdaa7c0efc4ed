// Main options: headers and sizes. Bound to lang::MainOptions; see the manual, chapter "Main configuration".
#include "lang/main_options.h"
#include "lang/registry.h"

namespace remex::registry::main_options {

using lang::MainOptions;
using lang::OptionType;
using lang::ref;
using lang::State;

extern const std::span<const OptionDef> message;

static constexpr OptionDef defs[] = {
    {.name = "delivery_date_remove",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::delivery_date_remove>,
     .default_text = "true",
     .summary = "Strip incoming Delivery-date: headers",
     .tier = 2,
     .examples = {{"false"}}},
    {.name = "envelope_to_remove",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::envelope_to_remove>,
     .default_text = "true",
     .summary = "Strip incoming Envelope-to: headers",
     .tier = 2,
     .examples = {{"false"}}},
    {.name = "header_line_maxsize",
     .type = OptionType::integer,
     .ref = ref<&MainOptions::header_line_maxsize>,
     .default_text = "0",
     .summary = "Maximum size of one unfolded header",
     .tier = 3,
     .examples = {{"64K"}}},
    {.name = "header_maxsize",
     .type = OptionType::integer,
     .ref = ref<&MainOptions::header_maxsize>,
     .default_text = "1M",
     .summary = "Maximum total header size",
     .tier = 3,
     .examples = {{"256K"}}},
    {.name = "message_body_newlines",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::message_body_newlines>,
     .default_text = "false",
     .summary = "Keep newlines in $message_body",
     .tier = 2,
     .examples = {{"true"}}},
    {.name = "message_body_visible",
     .type = OptionType::integer,
     .ref = ref<&MainOptions::message_body_visible>,
     .default_text = "500",
     .summary = "Bytes of body visible in $message_body",
     .tier = 2,
     .examples = {{"2000"}}},
    {.name = "message_size_limit",
     .type = OptionType::expanded_integer,
     .ref = ref<&MainOptions::message_size_limit>,
     .default_text = "50M",
     .summary = "Maximum message size, advertised in SIZE",
     .examples = {{"${if match_ip{$sender_host_address}{+relay_from_hosts}{100M}{20M}}"}, {"25M"}}},
    {.name = "received_header_text",
     .type = OptionType::expanded,
     .ref = ref<&MainOptions::received_header_text>,
     .default_text = "Received: ${if def:sender_rcvhost {from $sender_rcvhost\\n\\t}{${if def:sender_ident {from "
                     "${quote_local_part:$sender_ident} }}${if def:sender_helo_name "
                     "{(helo=$sender_helo_name)\\n\\t}}}}by $primary_hostname ${if def:received_protocol {with "
                     "$received_protocol }}${if def:tls_in_ver { ($tls_in_ver)}}${if def:tls_in_cipher_std { tls "
                     "$tls_in_cipher_std\\n\\t}}(remex $version_number)\\n\\t${if def:sender_address {(envelope-from "
                     "<$sender_address>)\\n\\t}}id $message_exim_id${if def:received_for {\\n\\tfor $received_for}}",
     .summary = "Template of added Received: header",
     .tier = 2,
     .examples =
         {{"Received: ${if def:sender_rcvhost {from $sender_rcvhost\\n\\t}}by $primary_hostname id $message_exim_id"}}},
    {.name = "received_headers_max",
     .type = OptionType::integer,
     .ref = ref<&MainOptions::received_headers_max>,
     .default_text = "30",
     .summary = "Loop limit on Received: count",
     .tier = 2,
     .examples = {{"50"}}},
    {.name = "recipients_max",
     .type = OptionType::expanded_integer,
     .ref = ref<&MainOptions::recipients_max>,
     .default_text = "50000",
     .summary = "Recipient limit per message",
     .tier = 2,
     .examples = {{"200"}}},
    {.name = "recipients_max_reject",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::recipients_max_reject>,
     .default_text = "false",
     .summary = "Permanent instead of temporary rejection of excess",
     .tier = 3,
     .examples = {{"true"}}},
    {.name = "return_path_remove",
     .type = OptionType::boolean,
     .ref = ref<&MainOptions::return_path_remove>,
     .default_text = "true",
     .summary = "Strip incoming Return-path: headers",
     .tier = 2,
     .examples = {{"false"}}},
    {.name = "smtputf8_advertise_hosts",
     .type = OptionType::host_list,
     .ref = ref<&MainOptions::smtputf8_advertise_hosts>,
     .default_text = "*",
     .summary = "Hosts offered SMTPUTF8",
     .tier = 2,
     .examples = {{"+relay_from_hosts"}}},
};

constinit const std::span<const OptionDef> message{defs};

}  // namespace remex::registry::main_options
