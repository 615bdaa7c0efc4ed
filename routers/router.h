// Routers: the generic part (preconditions, address_data, transport choice) and the drivers' interface.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/io/courier.h"
#include "lang/config.h"
#include "lang/driver.h"
#include "lang/scope.h"
#include "routers/address.h"

namespace remex::routers {

/// accept: routed; decline: next router unless more=false; pass: next (pass_router); fail: bounce; defer: later;
/// error: as defer, configuration trouble, logged to panic log; rerouted: children were made; discard: blackholed.
enum class Outcome : std::uint8_t { accept, decline, pass, fail, defer, error, rerouted, discard };

struct RouteResult {
  Outcome outcome = Outcome::decline;
  std::string message;       ///< why, for fail/defer/error
  std::string user_message;  ///< for the sender or SMTP client when different
  bool freeze = false;
  bool and_continue = false;  ///< rerouted: the address itself goes on to the next router too
};

/// Generic options; bound rows in routers/generic_util.cc. One per instance.
struct RouterGeneric : lang::DriverOptions {
  lang::Expansion address_data, cannot_route_message, debug_print, errors_to, fallback_hosts, group, user, transport,
      router_home_directory, translate_ip_address, transport_home_directory, transport_current_directory, require_files;
  std::vector<lang::Expansion> condition, headers_add, headers_remove, set;
  lang::MatchList domains, local_parts, senders, ignore_target_hosts, dnssec_request_domains, dnssec_require_domains;
  std::vector<std::string> local_part_prefix, local_part_suffix;
  bool local_part_prefix_optional = false, local_part_suffix_optional = false, caseful_local_part = false,
       check_local_user = false, address_test = true, disable_logging = false, dsn_lasthop = false, expn = true,
       fail_verify_recipient = false, fail_verify_sender = false, initgroups = false, log_as_local = false,
       pass_on_timeout = false, repeat_use = true, verify_only = false, verify_recipient = true, verify_sender = true;
  bool retry_use_local_part = false, retry_use_local_part_set = false;
  lang::ExpandedBool more{true, {}}, unseen{false, {}};
  std::string pass_router, redirect_router, self = "freeze";
  bool verify = true, fail_verify = false;  ///< the options that set two others; check_generic() spreads them

  // Made by check_generic(): lists that are split before their items are expanded.
  std::vector<lang::Expansion> require_files_items, headers_remove_items;
  std::vector<std::pair<std::string, lang::Expansion>> variables;  ///< `set`: name without "r_", value
};

enum class RouteMode : std::uint8_t { deliver, verify_recipient, verify_sender, test, expn };

struct RouteContext {
  const lang::Config& config;
  lang::Scope& scope;  ///< scope.address is set to the address's state by the loop
  RouteMode mode = RouteMode::deliver;
};

struct RouterDef {
  lang::DriverDef driver;
  /// Does the driver's work after the generic preconditions held. Parks. May fill addr.hosts and addr.children.
  RouteResult (*route)(RouteContext&, const lang::DriverInstance&, Addr&) = nullptr;
  /// May do something as another user (core/io/courier.h).
  bool asks_courier = true;
  /// May this router ask the courier for that, besides what generic options ask for? The user was checked before. Kind
  /// failed, with the reason. Null: it asks for nothing.
  Status (*may_ask)(const lang::DriverInstance&, const io::Fields&) = nullptr;
  /// same_domain_copy_routing: a result for one address is meant for all of its domain. Null: it never is.
  bool (*copies_routing)(const lang::DriverInstance&) = nullptr;
};

extern const lang::DriverFamily router_family;
const RouterDef* find_router_def(const lang::DriverDef* def);
inline const RouterGeneric& generic(const lang::DriverInstance& r) {
  return static_cast<const RouterGeneric&>(*r.generic);
}
/// Routing with this configuration may do something as another user.
bool may_ask_courier(const lang::Config& config);
/// Cross-option rules of the generic part; every driver's check() calls it first.
void check_generic(lang::DriverInstance& r, const lang::Config& config, lang::Diagnostics& diag);

/// Runs the routers over one address until it is accepted, fails, defers or is redirected. On return addr.status is
/// routed, redirected (children made), failed, deferred or discarded. `unseen` clones go to addr.children too. Parks.
void route_address(RouteContext& ctx, Addr& addr);

/// Whether what route_address() found for `model` may be given to other addresses of the message with the same domain
/// and the same first router (same_domain_copy_routing): it goes to a remote transport, its header is not changed, and
/// nothing of the result is of its local part alone.
bool may_copy_routing(const Addr& model);
/// Gives `to`, which is pending, the routing of `model`.
void copy_routing(const Addr& model, Addr& to);
/// The same for lists of hosts that differ in nothing but the order of equals: MX records of one preference, hosts that
/// were shuffled (HostItem::place).
std::string hosts_key(const std::vector<HostItem>& hosts);

/// Makes a top-level Addr from an envelope address (unquoted, split, qualified already).
std::unique_ptr<Addr> make_top_address(const std::string& address, int top_index);
/// A child of `parent` for `address` (unquoted local part and lower-cased domain are made from it). Inherits
/// address_data, variables, errors_to and header changes.
std::unique_ptr<Addr> make_child(Addr& parent, const std::string& address);

}  // namespace remex::routers

namespace remex {
using routers::RouterDef;
}
