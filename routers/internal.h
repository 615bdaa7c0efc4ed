// Shared inside routers/: the steps of the generic part, and host finding for the drivers that route to remote hosts.
// Not for other folders. All functions run on a fiber; those marked "parks" wait for DNS, lookups or the file system.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "routers/router.h"

namespace remex::routers {

// ------------------------------------------------------------------ generic steps

/// Compiles every item of a split-first list; errors go to the diagnostics.
std::vector<lang::Expansion> compile_items(const lang::SourceText& text, char separator,
                                           const lang::CompileContext& ctx);

enum class Gate : std::uint8_t { run, skip, defer };
struct GateResult {
  Gate gate = Gate::run;
  std::string message;  ///< why it is skipped (debug) or deferred
};
/// Tests the preconditions in the documented order and sets what they set in addr.state. Parks.
GateResult check_preconditions(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr);

/// After the driver accepted or made children: errors_to, header changes. Kind defer or failed. Parks.
Status apply_header_options(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr);
/// User, group, home and current directory for the transport. Parks.
Status apply_identity(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr);
/// Expands a transport name and finds it. Kind defer: there is no such transport.
Result<const lang::DriverInstance*> find_transport(RouteContext& ctx, const lang::DriverInstance& r,
                                                   const lang::Expansion& name, std::string_view option);
/// Runs with scope.address pointing somewhere else for a while.
class AddressScope {
 public:
  AddressScope(lang::Scope& scope, lang::AddressState& state) : scope_(scope), saved_(scope.address) {
    scope.address = &state;
  }
  ~AddressScope() { scope_.address = saved_; }
  AddressScope(const AddressScope&) = delete;
  AddressScope& operator=(const AddressScope&) = delete;

 private:
  lang::Scope& scope_;
  lang::AddressState* saved_;
};

/// Whether debug_line has a reader: ask before making a text for it.
inline bool debugging(const RouteContext& ctx) {
  return ctx.scope.services != nullptr && ctx.scope.services->debugging();
}
void debug_line(RouteContext& ctx, std::string_view text);

inline RouteResult accepted() { return {Outcome::accept, {}, {}, false, false}; }
inline RouteResult declined() { return {Outcome::decline, {}, {}, false, false}; }
inline RouteResult passed() { return {Outcome::pass, {}, {}, false, false}; }
inline RouteResult failed(std::string why) { return {Outcome::fail, std::move(why), {}, false, false}; }
inline RouteResult deferred(std::string why, bool freeze = false) {
  return {Outcome::defer, std::move(why), {}, freeze, false};
}

// ------------------------------------------------------------------ hosts

enum class LookupHow : std::uint8_t { dns_then_files, dns_only, by_name };
struct LookupOptions {
  LookupHow how = LookupHow::dns_then_files;
  bool ipv4_only = false, ipv4_prefer = false;
  bool dnssec = false, dnssec_known = false;  ///< of demand_dnssec(); without it the host's own name counts
};
enum class HostFind : std::uint8_t { found, not_found, again, ignored };
struct HostFindResult {
  HostFind outcome = HostFind::not_found;
  std::string message;
};
/// dnssec_require_domains: whether all that is looked up for `domain` must be signed, records and addresses of hosts
/// alike. Kind defer: the list cannot be tested. Parks.
Status demand_dnssec(RouteContext& ctx, const RouterGeneric& g, const std::string& domain, LookupOptions& lookup);
/// An answer that should be signed and is not.
HostFindResult insecure(std::string_view what, const std::string& name);
/// Finds the addresses of `host.name` (which may be an IP address) and appends one HostItem for each to `out`, without
/// the ignored ones (ignore_target_hosts); marks is_self. Parks.
HostFindResult find_addresses(RouteContext& ctx, const lang::DriverInstance& r, const HostItem& host,
                              const LookupOptions& opt, std::vector<HostItem>& out);

struct MxOptions {
  LookupOptions lookup;
  bool fall_back_to_address = true;  ///< no MX: use the A/AAAA records of the domain
  bool check_secondary = false;      ///< decline unless this host is among the MXs
  bool mx_fail_is_none = false;      ///< trouble looking up the MX counts as "no MX"
};
/// Routes by MX (RFC 5321 5.1): sorted, equal preferences shuffled, this host and what is not better than it cut off.
/// A local first host stays first with is_self set. Null MX (RFC 7505): not_found with the message for it. Parks.
HostFindResult find_mx_hosts(RouteContext& ctx, const lang::DriverInstance& r, const std::string& domain, int port,
                             const MxOptions& opt, std::vector<HostItem>& out, bool& null_mx);

/// Cuts this machine, and what is not better than it, off a list sorted by preference. Nothing better: it stays as the
/// only host, with is_self set.
void cut_at_self(std::vector<HostItem>& hosts);
/// After the cut: this machine is the best host that was found, but the addresses of one with `again_preference` (the
/// lowest of those that could not be looked up now; -1: there is none) are not known, and it comes before this machine.
bool may_have_better(const std::vector<HostItem>& hosts, int again_preference);
/// Routes by SRV records of `service` over TCP (RFC 2782): by priority, by chance and weight among equals. not_found:
/// there are none; `no_service`: the one record says that there is no such service. Parks.
HostFindResult find_srv_hosts(RouteContext& ctx, const lang::DriverInstance& r, const std::string& domain,
                              const std::string& service, const MxOptions& opt, std::vector<HostItem>& out,
                              bool& no_service);

/// `self` when the first host is this machine. `send` (and no local host) gives accept.
RouteResult handle_self(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, const HostItem& host);

struct ListedHost {
  std::string text;
  int place = 0;  ///< HostItem::place
};
/// Shuffles the items between "+" marks (when `randomize`) and drops the marks.
std::vector<ListedHost> arrange_host_list(std::vector<std::string> items, bool randomize);

}  // namespace remex::routers
