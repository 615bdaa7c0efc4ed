// The options of the smtp transport. Shared by smtp.cc and its helpers; nobody else.
#pragma once

#include <string>
#include <vector>

#include "transports/destination_limits.h"
#include "transports/internal.h"
#include "transports/smtp_client_util.h"

namespace remex::transports {

struct SmtpOptions : lang::DriverOptions {
  lang::Expansion hosts, fallback_hosts, port, interface, helo_data, tls_certificate, tls_privatekey,
      tls_require_ciphers, tls_sni, tls_verify_certificates, max_rcpt, dkim_domain, dkim_selector, dkim_private_key,
      dkim_canon, dkim_strict, dkim_sign_headers, dkim_hash, dkim_identity, dkim_timestamps, authenticated_sender,
      dane_require_tls_ciphers, socks_proxy, tls_crl, utf8_downconvert, destination_max_connections, destination_rate,
      destination_name, dscp;
  lang::ExpandedBool hosts_randomize, multi_domain{true, {}}, retry_include_ip_address{true, {}};
  lang::MatchList hosts_avoid_esmtp, hosts_avoid_pipelining, hosts_avoid_tls, hosts_require_tls, hosts_verify_avoid_tls,
      tls_verify_hosts, tls_try_verify_hosts, tls_verify_cert_hostnames, dnssec_request_domains, dnssec_require_domains,
      hosts_try_auth, hosts_require_auth, hosts_try_dane, hosts_require_dane, serialize_hosts, hosts_try_chunking,
      hosts_try_prdr, mta_sts_domains, hosts_request_ocsp, hosts_require_ocsp, hosts_pipe_connect;
  bool allow_localhost = false, hosts_override = false, delay_after_cutoff = true, dns_qualify_single = true,
       dns_search_parents = false, address_retry_include_sender = true, tls_tempfail_tryclear = true, keepalive = true,
       gethostbyname = false, authenticated_sender_force = false, lmtp_ignore_quota = false;
  std::int64_t command_timeout = 300, connect_timeout = 300, data_timeout = 300, final_timeout = 600,
               connection_max_messages = 500, hosts_max_try = 5, hosts_max_try_hardlimit = 50, size_addition = 1024,
               message_linelength_limit = 998, tls_dh_min_bits = 1024;
  std::string protocol;
};

/// Delivers to every address of `batch`: the driver's deliver function. Parks. The n-th result is for the n-th address.
std::vector<AddrResult> deliver_by_smtp(DeliverContext& ctx, const lang::DriverInstance& t,
                                        std::span<routers::Addr* const> batch);

/// Authenticates as a client with the first configured authenticator the server offers that is willing and accepted.
/// `required`: an error when none is. Sets c.authenticated and c.authenticator. Parks.
HostResultOf<void> authenticate(DeliverContext& ctx, const routers::HostItem& h, SmtpConnection& c, bool required,
                                Seconds timeout);

/// Signs as the dkim_* options say. Gives the DKIM-Signature headers to put in front of `headers` (may be empty). Kind
/// defer: signing failed and dkim_strict is true, or an option could not be expanded. Parks.
Result<std::string> sign_message(DeliverContext& ctx, const lang::DriverInstance& t, const std::string& headers,
                                 const mail::Body& body);

/// Shuffles the hosts of each place (HostItem::place) among themselves: hosts_randomize.
void shuffle_places(std::vector<routers::HostItem>& items);
/// The hosts of `list` with addresses, for hosts and fallback_hosts; "+" separates groups that are shuffled each by
/// itself when `randomize`. Kind defer when a name cannot be looked up now or a host is this machine without
/// allow_localhost; not_found when none has an address. Parks.
Result<std::vector<routers::HostItem>> resolve_hosts(DeliverContext& ctx, const SmtpOptions& o, const std::string& list,
                                                     bool randomize);
/// What destination_* say about a delivery to these hosts. Kind defer: an option could not be expanded, or its value
/// makes no sense. Parks.
Result<DestinationRule> destination_rule(DeliverContext& ctx, const lang::DriverInstance& t,
                                         const std::vector<routers::HostItem>& hosts);
/// Gives the ones without an address their addresses; others pass. Parks.
Result<std::vector<routers::HostItem>> resolve_items(DeliverContext& ctx, const SmtpOptions& o,
                                                     const std::vector<routers::HostItem>& items, bool refuse_local);

}  // namespace remex::transports
