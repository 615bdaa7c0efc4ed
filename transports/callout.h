// What verification borrows from the smtp transport: its hosts and the way it opens a connection (callouts), and the
// limits of the destination (-bt). Used by core/delivery.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "transports/smtp_client_util.h"
#include "transports/transport.h"

namespace remex::transports {

/// A callout can be made through this transport (it speaks SMTP or LMTP to hosts).
bool can_call_out(const lang::DriverInstance& t);
/// Where a delivery of `a` by `t` would go; empty when there is no host list at all. Parks.
Result<std::vector<routers::HostItem>> callout_hosts(DeliverContext& ctx, const lang::DriverInstance& t,
                                                     const routers::Addr& a);
/// "destination mx.example.net: at most 5 connections, 100 messages in 1h" for -bt; empty: there are no limits. Parks.
std::string destination_text(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a);
/// Connects and greets as `t` does (TLS as configured, but not for hosts_verify_avoid_tls). Parks.
HostResultOf<std::unique_ptr<SmtpConnection>> open_callout(DeliverContext& ctx, const lang::DriverInstance& t,
                                                           const routers::Addr& a, const routers::HostItem& host,
                                                           Seconds connect_timeout, Seconds command_timeout);

}  // namespace remex::transports
