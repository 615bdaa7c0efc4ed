// ipliteral: user@[192.0.2.1] and user@[IPv6:2001:db8::1] go to that address (RFC 5321 4.1.3). Other domains are
// declined.
#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

struct IpliteralOptions : lang::DriverOptions {};

void check(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag) {
  check_generic(r, config, diag);
  const RouterGeneric& g = generic(r);
  if (!g.transport.is_set() && !g.verify_only)
    diag.error("missing-transport", r.pos, static_cast<std::uint32_t>(r.name.size()),
               fmt::format("router \"{}\": ipliteral needs a transport unless verify_only is set", r.name));
}

RouteResult route(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  std::string_view ip = addr.state.domain;
  if (!ip.starts_with('[') || !ip.ends_with(']')) return declined();
  ip = ip.substr(1, ip.size() - 2);
  if (istarts_with(ip, "ipv6:")) ip.remove_prefix(5);
  if (!mail::is_ip_address(ip)) return declined();
  HostItem host;
  host.name = std::string(ip);
  const HostFindResult found = find_addresses(ctx, r, host, {}, addr.hosts);
  if (found.outcome == HostFind::again) return deferred(found.message);
  if (found.outcome != HostFind::found) return declined();
  addr.hosts.front().name = addr.state.domain;
  if (!addr.hosts.front().is_self) return accepted();
  RouteResult self = handle_self(ctx, r, addr, addr.hosts.front());
  if (self.outcome != Outcome::accept) addr.hosts.clear();
  return self;
}

constexpr RouterDef defs[] = {
    {.driver = {.kind = lang::DriverKind::router,
                .name = "ipliteral",
                .summary = "routes domain literals to their address",
                .doc = "No options of its own. `self` is looked at when the address is this machine's.",
                .make_options =
                    +[]() -> std::unique_ptr<lang::DriverOptions> { return std::make_unique<IpliteralOptions>(); },
                .check = check,
                .examples = {{R"(literals:
  driver = ipliteral
  domains = ! +local_domains
  transport = remote_smtp)"},
                             {R"(literals:
  driver = ipliteral)",
                              "", "E0605"}}},
     .route = route,
     .asks_courier = false},
};

}  // namespace
}  // namespace remex::routers

namespace remex::registry::routers {
extern const std::span<const RouterDef> ipliteral;
constinit const std::span<const RouterDef> ipliteral{remex::routers::defs};
}  // namespace remex::registry::routers
