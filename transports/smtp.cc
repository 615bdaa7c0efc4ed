// smtp: delivery over SMTP, LMTP or SMTP inside TLS to the hosts a router found (or the transport's own).
//
// The entry: options and their checks. The way of a delivery is smtp_delivery_util.cc.
#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/io/dscp.h"
#include "lang/diagnostics.h"
#include "transports/mta_sts.h"
#include "transports/smtp_options_util.h"

namespace remex::transports {
namespace {

using lang::OptionType;
using lang::ref;
using lang::State;
using O = SmtpOptions;

constexpr OptionDef kOptions[] = {
    with_examples({"address_retry_include_sender", OptionType::boolean, ref<&O::address_retry_include_sender>, "true",
                   "an address refused for now waits for this sender only", State::works, "", "", 3},
                  {"false"}),
    with_examples({"allow_localhost", OptionType::boolean, ref<&O::allow_localhost>, "false",
                   "deliver even when a host of `hosts` is this one", State::works, "", "", 2},
                  {"true"}),
    {"arc_sign", OptionType::expanded, nullptr, "", "ARC signing", State::later, "", "", 4},
    {"authenticate_hosts", OptionType::host_list, nullptr, "", "old name of hosts_require_auth", State::later, "", "",
     4},
    with_examples({"authenticated_sender", OptionType::expanded, ref<&O::authenticated_sender>, "",
                   "AUTH= on MAIL instead of the one that came with the message", State::works, "", "", 3},
                  {"$sender_address"}),
    with_examples({"authenticated_sender_force", OptionType::boolean, ref<&O::authenticated_sender_force>, "false",
                   "send AUTH= without authentication", State::works, "", "", 3},
                  {"true"}),
    with_examples({"command_timeout", OptionType::time, ref<&O::command_timeout>, "5m", "limit for each answer",
                   State::works, "", "", 2},
                  {"2m"}),
    with_examples({"connect_timeout", OptionType::time, ref<&O::connect_timeout>, "5m", "limit for connecting",
                   State::works, "", "", 2},
                  {"30s"}),
    with_examples({"connection_max_messages", OptionType::integer, ref<&O::connection_max_messages>, "500",
                   "messages on one connection; 0 is no limit", State::works, "", "", 2},
                  {"50"}),
    with_examples({"dane_require_tls_ciphers", OptionType::expanded, ref<&O::dane_require_tls_ciphers>, "",
                   "GnuTLS priority string where DANE applies", State::works, "", "", 3},
                  {"SECURE192"}),
    with_examples({"data_timeout", OptionType::time, ref<&O::data_timeout>, "5m", "limit for sending a block of data",
                   State::works, "", "", 3},
                  {"3m"}),
    with_examples(
        {"delay_after_cutoff", OptionType::boolean, ref<&O::delay_after_cutoff>, "true",
         "when all hosts have failed for too long, fail new messages until a retry time comes, without trying",
         State::works, "", "", 2},
        {"false"}),
    with_examples({"dkim_canon", OptionType::expanded, ref<&O::dkim_canon>, "relaxed",
                   "canonicalisation of headers and body: relaxed or simple"},
                  {"relaxed"}),
    with_examples({"dkim_domain", OptionType::expanded_list, ref<&O::dkim_domain>, "", "domains to sign for"},
                  {"${lc:${domain:$h_from:}}"}),
    with_examples({"dkim_hash", OptionType::expanded, ref<&O::dkim_hash>, "sha256", "hash of the signature"},
                  {"sha256"}),
    with_examples({"dkim_identity", OptionType::expanded, ref<&O::dkim_identity>, "", "i= of the signature",
                   State::works, "", "", 2},
                  {"$sender_address"}),
    with_examples({"dkim_private_key", OptionType::expanded, ref<&O::dkim_private_key>, "",
                   "key text or absolute file name; empty, 0 and false do not sign"},
                  {"/etc/remex/dkim/mail2026.pem"}),
    with_examples({"dkim_selector", OptionType::expanded_list, ref<&O::dkim_selector>, "", "selectors to sign with"},
                  {"mail2026"}),
    with_examples({"dkim_sign_headers", OptionType::expanded, ref<&O::dkim_sign_headers>, "_DKIM_SIGN_HEADERS",
                   "names of the headers to sign"},
                  {"from:to:subject:date:message-id"}),
    with_examples({"dkim_strict", OptionType::expanded, ref<&O::dkim_strict>, "",
                   "when 1 or true, a message that cannot be signed is deferred"},
                  {"true"}),
    with_examples({"dkim_timestamps", OptionType::expanded_integer, ref<&O::dkim_timestamps>, "",
                   "seconds the signature is valid", State::works, "", "", 2},
                  {"1209600"}),
    with_examples({"destination_max_connections", OptionType::expanded, ref<&O::destination_max_connections>, "",
                   "connections open at once to one destination; what comes more waits in the queue for its turn",
                   State::works, "", "", 2},
                  {"5"}, {"-1", "", "E0610"}),
    with_examples(
        {"destination_name", OptionType::expanded, ref<&O::destination_name>, "",
         "what shares the limits; empty: the names of the hosts that are tried first", State::works, "", "", 3},
        {"$domain"}),
    with_examples({"destination_rate", OptionType::expanded, ref<&O::destination_rate>, "",
                   "messages in any stretch of that time to one destination; what comes more waits in the queue",
                   State::works, "", "", 2},
                  {"100/1h"}, {"100", "", "E0610"}),
    {"dns_qualify_single", OptionType::boolean, ref<&O::dns_qualify_single>, "true", "no effect: names are absolute",
     State::later, "*", "", 3},
    {"dns_search_parents", OptionType::boolean, nullptr, "false", "search parent domains", State::later, "false", "",
     3},
    with_examples({"dnssec_request_domains", OptionType::domain_list, ref<&O::dnssec_request_domains>, "*",
                   "domains looked up with DNSSEC", State::works, "", "", 3},
                  {"*"}),
    with_examples({"dnssec_require_domains", OptionType::domain_list, ref<&O::dnssec_require_domains>, "",
                   "names of hosts whose addresses must be DNSSEC-validated", State::works, "", "", 3},
                  {"*.example.net"}),
    with_examples(
        {"dscp", OptionType::expanded, ref<&O::dscp>, "",
         "DSCP mark of the packets: a name that -bI:dscp lists, or a number up to 0x3F", State::works, "", "", 4},
        {"af11"}, {"fast", "", "E0610"}),
    with_examples({"fallback_hosts", OptionType::expanded_list, ref<&O::fallback_hosts>, "",
                   "hosts to try when all others are unavailable", State::works, "", "", 2},
                  {"backup.example.net"}),
    with_examples({"final_timeout", OptionType::time, ref<&O::final_timeout>, "10m",
                   "limit for the answer to the final dot", State::works, "", "", 3},
                  {"5m"}),
    with_examples({"gethostbyname", OptionType::boolean, ref<&O::gethostbyname>, "false", "ask the hosts file first",
                   State::works, "", "", 3},
                  {"true"}),
    {"gnutls_compat_mode", OptionType::boolean, nullptr, "", "GnuTLS compatibility", State::later, "false", "", 4},
    with_examples({"helo_data", OptionType::expanded, ref<&O::helo_data>, "$primary_hostname", "name in EHLO"},
                  {"${if eq{$sending_ip_address}{198.51.100.26}{mx2.example.com}{$primary_hostname}}"}),
    {"host_name_extract", OptionType::expanded, nullptr, "", "name for the TLS session cache", State::later, "", "", 4},
    with_examples({"hosts", OptionType::expanded_list, ref<&O::hosts>, "", "hosts for addresses that have none"},
                  {"smarthost.example.net : backup.example.net::2525"}),
    with_examples({"hosts_avoid_esmtp", OptionType::host_list, ref<&O::hosts_avoid_esmtp>, "",
                   "hosts to greet with HELO", State::works, "", "", 3},
                  {"192.168.7.20"}),
    with_examples({"hosts_avoid_pipelining", OptionType::host_list, ref<&O::hosts_avoid_pipelining>, "",
                   "hosts not to pipeline to", State::works, "", "", 3},
                  {"old.example.net"}),
    with_examples(
        {"hosts_avoid_tls", OptionType::host_list, ref<&O::hosts_avoid_tls>, "", "hosts not to start TLS with"},
        {"192.168.0.0/16"}),
    with_examples({"hosts_max_try", OptionType::integer, ref<&O::hosts_max_try>, "5", "addresses tried in one delivery",
                   State::works, "", "", 2},
                  {"3"}),
    with_examples({"hosts_max_try_hardlimit", OptionType::integer, ref<&O::hosts_max_try_hardlimit>, "50",
                   "hard limit on addresses tried", State::works, "", "", 3},
                  {"10"}),
    {"hosts_nopass_tls", OptionType::host_list, nullptr, "", "no effect: connections are not handed to other processes",
     State::later, "*", "", 3},
    {"hosts_noproxy_tls", OptionType::host_list, nullptr, "",
     "no effect: connections are not handed to other processes", State::later, "*", "", 3},
    with_examples({"hosts_override", OptionType::boolean, ref<&O::hosts_override>, "false",
                   "use `hosts` even if the address has hosts", State::works, "", "", 2},
                  {.input = "true", .setup = "driver = smtp\nhosts = smarthost.example.net"}),
    with_examples({"hosts_pipe_connect", OptionType::host_list, ref<&O::hosts_pipe_connect>, "",
                   "hosts to send EHLO, and what follows, without waiting, when they offered PIPECONNECT before",
                   State::works, "", "", 3},
                  {"*.example.net"}),
    with_examples({"hosts_randomize", OptionType::expanded_boolean, ref<&O::hosts_randomize>, "false",
                   "shuffle hosts that are not from MX records", State::works, "", "", 2},
                  {"true"}),
    with_examples({"hosts_request_ocsp", OptionType::host_list, ref<&O::hosts_request_ocsp>, "*",
                   "hosts whose certificate status (OCSP stapling) is looked at", State::works, "", "", 3},
                  {"*.example.net"}),
    {"hosts_require_alpn", OptionType::host_list, nullptr, "", "hosts that must answer ALPN", State::later, "", "", 4},
    with_examples({"hosts_require_auth", OptionType::host_list, ref<&O::hosts_require_auth>, "",
                   "hosts to authenticate to or defer"},
                  {"smarthost.example.net"}),
    with_examples({"hosts_require_dane", OptionType::host_list, ref<&O::hosts_require_dane>, "",
                   "hosts only to be used when their certificate fits a TLSA record", State::works, "", "", 2},
                  {"mx.example.net"}),
    with_examples({"hosts_require_ocsp", OptionType::host_list, ref<&O::hosts_require_ocsp>, "",
                   "hosts that must prove that their certificate is not revoked", State::works, "", "", 3},
                  {"*.example.net"}),
    with_examples(
        {"hosts_require_tls", OptionType::host_list, ref<&O::hosts_require_tls>, "", "hosts never to be used in clear"},
        {"*.example.net"}),
    with_examples({"hosts_try_auth", OptionType::host_list, ref<&O::hosts_try_auth>, "",
                   "hosts to authenticate to when they offer it"},
                  {"smarthost.example.net"}),
    with_examples({"hosts_try_chunking", OptionType::host_list, ref<&O::hosts_try_chunking>, "*",
                   "hosts to use BDAT with when they offer CHUNKING", State::works, "", "", 2},
                  {"!old.example.net : *"}),
    with_examples({"hosts_try_dane", OptionType::host_list, ref<&O::hosts_try_dane>, "*",
                   "hosts whose certificate must fit their TLSA records when they have some", State::works, "", "", 2},
                  {"*"}),
    {"hosts_try_fastopen", OptionType::host_list, nullptr, "*", "TCP fast open (an optimisation, not used)",
     State::later, "*", "", 3},
    with_examples(
        {"hosts_try_prdr", OptionType::host_list, ref<&O::hosts_try_prdr>, "*",
         "hosts to ask for a reply per recipient after the data (PRDR), when they offer it", State::works, "", "", 3},
        {"!old.example.net : *"}),
    {"hosts_verify_avoid_tls", OptionType::host_list, ref<&O::hosts_verify_avoid_tls>, "", "no TLS in callouts",
     State::later, "*", "", 3},
    with_examples({"interface", OptionType::expanded_list, ref<&O::interface>, "", "source addresses"},
                  {"198.51.100.25 : 2001:db8::25"}),
    with_examples({"keepalive", OptionType::boolean, ref<&O::keepalive>, "true", "SO_KEEPALIVE on connections",
                   State::works, "", "", 3},
                  {"false"}),
    with_examples({"lmtp_ignore_quota", OptionType::boolean, ref<&O::lmtp_ignore_quota>, "false", "IGNOREQUOTA in LMTP",
                   State::works, "", "", 3},
                  {.input = "true", .setup = "driver = smtp\nprotocol = lmtp"}),
    with_examples(
        {"max_rcpt", OptionType::expanded, ref<&O::max_rcpt>, "100", "recipients in one transaction; 0 is no limit"},
        {"50"}),
    with_examples({"message_linelength_limit", OptionType::integer, ref<&O::message_linelength_limit>, "998",
                   "longer lines fail the message"},
                  {"4000"}),
    with_examples({"mta_sts_domains", OptionType::domain_list, ref<&O::mta_sts_domains>, "",
                   "recipient domains whose published MTA-STS policy (RFC 8461) is obeyed where DANE does not apply",
                   State::works, "", "", 2},
                  {"*"}),
    with_examples({"multi_domain", OptionType::expanded_boolean, ref<&O::multi_domain>, "true",
                   "different domains may share a transaction"},
                  {"false"}),
    with_examples({"port", OptionType::expanded, ref<&O::port>, "25", "port number or service name"}, {"587"}),
    with_examples({"protocol", OptionType::string, ref<&O::protocol>, "smtp", "smtp, lmtp, smtps or submissions"},
                  {"smtps"}, {"uucp", "", "E0610"}),
    with_examples({"retry_include_ip_address", OptionType::expanded_boolean, ref<&O::retry_include_ip_address>, "true",
                   "each address of a host has a retry time of its own; false: the name has one, for hosts whose "
                   "address changes",
                   State::works, "", "", 3},
                  {"${if match_domain{$host}{*.dialup.example.net}{no}{yes}}"}),
    with_examples({"serialize_hosts", OptionType::host_list, ref<&O::serialize_hosts>, "",
                   "hosts to use one connection at a time with", State::works, "", "", 3},
                  {"*.example.net"}),
    with_examples({"size_addition", OptionType::integer, ref<&O::size_addition>, "1024",
                   "added to SIZE=; negative sends none", State::works, "", "", 3},
                  {"-1"}),
    with_examples({"socks_proxy", OptionType::expanded, ref<&O::socks_proxy>, "", "SOCKS5 proxies to connect through",
                   State::works, "", "", 3},
                  {"192.0.2.9 port=1080"}),
    {"tls_alpn", OptionType::expanded, nullptr, "", "ALPN to offer", State::later, "", "", 4},
    with_examples({"tls_certificate", OptionType::expanded, ref<&O::tls_certificate>, "", "client certificate",
                   State::works, "", "file"},
                  {"/etc/ssl/certs/mail.example.com.pem"}),
    with_examples({"tls_crl", OptionType::expanded, ref<&O::tls_crl>, "", "PEM file of revocation lists", State::works,
                   "", "file", 3},
                  {"/etc/ssl/crl/ca.pem"}),
    with_examples({"tls_dh_min_bits", OptionType::integer, ref<&O::tls_dh_min_bits>, "1024",
                   "least size of the server's Diffie-Hellman group", State::works, "", "", 2},
                  {"2048"}),
    with_examples({"tls_privatekey", OptionType::expanded, ref<&O::tls_privatekey>, "", "key of the client certificate",
                   State::works, "", "file"},
                  {"/etc/ssl/private/mail.example.com.key"}),
    with_examples(
        {"tls_require_ciphers", OptionType::expanded, ref<&O::tls_require_ciphers>, "", "GnuTLS priority string"},
        {"SECURE192"}),
    {"tls_resumption_hosts", OptionType::host_list, nullptr, "", "TLS session resumption (an optimisation, not used)",
     State::later, "*"},
    with_examples({"tls_sni", OptionType::expanded, ref<&O::tls_sni>, "", "server name to ask for"}, {"$host"}),
    with_examples({"tls_tempfail_tryclear", OptionType::boolean, ref<&O::tls_tempfail_tryclear>, "true",
                   "go on in clear when TLS fails", State::works, "", "", 2},
                  {"false"}),
    with_examples({"tls_try_verify_hosts", OptionType::host_list, ref<&O::tls_try_verify_hosts>, "*",
                   "hosts whose certificate is checked (and only reported); empty, without tls_verify_hosts: every "
                   "certificate must verify"},
                  {"*.example.net"}),
    with_examples({"tls_verify_cert_hostnames", OptionType::host_list, ref<&O::tls_verify_cert_hostnames>, "*",
                   "hosts whose certificate must be for their name", State::works, "", "", 2},
                  {"*.example.net"}),
    with_examples({"tls_verify_certificates", OptionType::expanded, ref<&O::tls_verify_certificates>, "system",
                   "trusted certificates", State::works, "", "file"},
                  {"/etc/ssl/certs/ca-certificates.crt"}),
    with_examples({"tls_verify_hosts", OptionType::host_list, ref<&O::tls_verify_hosts>, "",
                   "hosts whose certificate must verify"},
                  {"smarthost.example.net"}),
    with_examples(
        {"utf8_downconvert", OptionType::expanded, ref<&O::utf8_downconvert>, "-1",
         "turn addresses into A-labels: 1 always, 0 never, -1 for hosts without SMTPUTF8", State::works, "", "", 3},
        {"1"}),
};

void check(lang::DriverInstance& t, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(t, config, diag);
  const auto& o = static_cast<const SmtpOptions&>(*t.options);
  const std::string& p = o.protocol;
  if (!p.empty() && p != "smtp" && p != "lmtp" && p != "smtps" && p != "submissions") {
    const auto* given = t.find_given("protocol");
    diag.error("bad-option-value", given != nullptr ? given->pos : t.pos, 8,
               fmt::format("transport \"{}\": \"{}\" is not a value of protocol", t.name, p),
               "smtp, lmtp, smtps or submissions");
  }
  for (const auto& [option, seconds] :
       {std::pair("command_timeout", o.command_timeout), std::pair("data_timeout", o.data_timeout),
        std::pair("final_timeout", o.final_timeout)})
    if (const auto* given = t.find_given(option); seconds == 0)
      diag.error("bad-option-value", given != nullptr ? given->pos : t.pos,
                 static_cast<std::uint32_t>(std::string_view(option).size()),
                 fmt::format("transport \"{}\": a timeout of zero: {}", t.name, option), "the default is 5m or 10m");
  const auto complain = [&](const char* option, const std::string& why, const char* help) {
    const auto* given = t.find_given(option);
    diag.error("bad-option-value", given != nullptr ? given->pos : t.pos,
               static_cast<std::uint32_t>(std::string_view(option).size()),
               fmt::format("transport \"{}\": {}: {}", t.name, option, why), help);
  };
  if (o.mta_sts_domains.is_set() && !mta_sts_is_built())
    complain("mta_sts_domains", "this build cannot fetch policies",
             "build with libcurl's headers (libcurl4-gnutls-dev)");
  if (o.dscp.is_set() && o.dscp.is_constant())
    if (const std::string value = o.dscp.constant(); !trim(value).empty() && !io::parse_dscp(value))
      complain("dscp", fmt::format("\"{}\" is no DSCP value", value), "-bI:dscp lists the names");
  if (o.destination_rate.is_set() && o.destination_rate.is_constant())
    if (auto rate = parse_message_rate(o.destination_rate.constant()); !rate)
      complain("destination_rate", rate.error().text, "messages/time, like 100/1h");
  if (o.destination_max_connections.is_set() && o.destination_max_connections.is_constant())
    if (auto n = parse_uint(trim(o.destination_max_connections.constant()));
        !n || *n > static_cast<std::uint64_t>(DestinationLimits::kMaxConnections))
      complain("destination_max_connections",
               fmt::format("\"{}\" is not a number of connections", o.destination_max_connections.constant()),
               "a number up to 4096; 0 is no limit");
}

int batch_limit(const lang::DriverInstance& t) {
  // $local_part has no value for several recipients, so an option that uses it needs each alone.
  static constexpr std::string_view kName = "local_part", kOfSender = "sender_address_";
  for (const auto& g : t.given) {
    const auto text = g.value.text();
    for (std::size_t at = text.find(kName); at != std::string::npos; at = text.find(kName, at + 1))
      if (!std::string_view(text).substr(0, at).ends_with(kOfSender)) return 1;
  }
  return 0;
}

constexpr TransportDef defs[] = {
    {.driver = {.kind = lang::DriverKind::transport,
                .name = "smtp",
                .summary = "delivers over SMTP or LMTP to other hosts",
                .doc =
                    "TLS is used when offered. Bodies never leave with a bare CR or LF. Connections are kept for some "
                    "seconds and reused, up to connection_max_messages.",
                .options = kOptions,
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<SmtpOptions>(); },
                .check = check,
                .examples = {{R"(submission:
  driver = smtp
  hosts = smarthost.example.net
  port = 587
  hosts_require_tls = *
  hosts_require_auth = *)"},
                             {R"(submission:
  driver = smtp
  protocol = uucp)",
                              "", "E0610"}}},
     .is_local = false,
     .deliver = deliver_by_smtp,
     .batch_limit = batch_limit},
};

}  // namespace
}  // namespace remex::transports

namespace remex::registry::transports {
extern const std::span<const TransportDef> smtp;
constinit const std::span<const TransportDef> smtp{remex::transports::defs};
}  // namespace remex::registry::transports
