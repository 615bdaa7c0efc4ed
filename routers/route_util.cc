// The routing loop: one address through the routers until one accepts it, fails it, defers it or makes children of it.
//
// Used by deliveries, verification and -bt. Never throws; whatever cannot be decided now leaves the address deferred
// with the reason in Addr::message.
#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/mail/address.h"
#include "lang/list_trace.h"
#include "routers/host_text.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

constexpr int kMaxDepth = 100;  ///< generations of redirection: more is a loop

/// Quotes off a local part as transmitted: "a b"@x has the local part `a b`.
std::string unquote_local_part(const std::string& s) {
  if (s.size() < 2 || s.front() != '"' || s.back() != '"') return s;
  std::string out;
  for (std::size_t i = 1; i + 1 < s.size(); ++i) {
    if (s[i] == '\\' && i + 2 < s.size()) ++i;
    out += s[i];
  }
  return out;
}

void set_address(Addr& addr, const std::string& address) {
  const mail::Address parts = mail::split_address(address);
  lang::AddressState& s = addr.state;
  s.address = address;
  s.cased_local_part = unquote_local_part(parts.local_part);
  s.local_part = to_lower(s.cased_local_part);
  s.domain = to_lower(parts.domain);
  addr.unique = s.cased_local_part + "@" + s.domain;
}

/// What one router set must not be seen by the next.
void begin_router(Addr& addr, const lang::DriverInstance& r) {
  lang::AddressState& s = addr.state;
  s.router_name = r.name;
  s.local_part = generic(r).caseful_local_part ? s.cased_local_part : to_lower(s.cased_local_part);
  s.prefix.clear();
  s.prefix_v.clear();
  s.suffix.clear();
  s.suffix_v.clear();
  s.prefix_tainted = s.suffix_tainted = s.home_tainted = false;
  s.local_part_data = s.domain_data = s.sender_data = Text();
  s.home.clear();
  s.local_user_uid = s.local_user_gid = -1;
  addr.hosts.clear();
  addr.hosts_randomized = false;
  addr.router = nullptr;
  addr.transport = nullptr;
}

void set_outcome(Addr& addr, Addr::Status status, const RouteResult& res) {
  addr.status = status;
  addr.transport = nullptr;
  addr.hosts.clear();
  addr.message = res.message;
  addr.user_message = res.user_message;
  addr.freeze = res.freeze;
}

/// `set` variables and address_data. forced failure of address_data is kind forced_fail: the router declines.
Status set_data(RouteContext& ctx, const RouterGeneric& g, Addr& addr) {
  for (const auto& [name, value] : g.variables) {
    auto text = value.eval(ctx.scope);
    if (text) {
      addr.state.router_variables[name] = std::move(*text);
    } else if (text.error().kind != ErrorKind::forced_fail) {
      return defer(fmt::format("set r_{}: {}", name, text.error().text));
    }
  }
  if (!g.address_data.is_set()) return {};
  auto data = g.address_data.eval(ctx.scope);
  if (data) {
    addr.state.address_data = std::move(*data);
    return {};
  }
  if (data.error().kind == ErrorKind::forced_fail) return fail(ErrorKind::forced_fail, "address_data forced to fail");
  return defer(fmt::format("address_data: {}", data.error().text));
}

/// Text for an address no router took.
std::string unrouteable(RouteContext& ctx, const lang::DriverInstance* last, const Addr& addr) {
  const std::string_view kDefault = addr.message.empty() ? "Unrouteable address" : std::string_view(addr.message);
  if (last == nullptr || !generic(*last).cannot_route_message.is_set()) return std::string(kDefault);
  auto text = generic(*last).cannot_route_message.eval(ctx.scope);
  if (text) return text->str();
  if (text.error().kind != ErrorKind::forced_fail && ctx.scope.services != nullptr)
    ctx.scope.services->log(
        static_cast<int>(lang::LogTarget::main_log) | static_cast<int>(lang::LogTarget::panic_log),
        fmt::format("failed to expand cannot_route_message in the {} router: {}", last->name, text.error().text));
  return std::string(kDefault);
}

std::size_t find_index(const lang::Config& config, std::string_view name) {
  for (std::size_t i = 0; i < config.routers.size(); ++i)
    if (config.routers[i].name == name) return i;
  return config.routers.size();
}

/// After an accept in a mode that only asks: fail_verify.
bool fails_verification(const RouteContext& ctx, const RouterGeneric& g) {
  return (ctx.mode == RouteMode::verify_recipient && g.fail_verify_recipient) ||
         (ctx.mode == RouteMode::verify_sender && g.fail_verify_sender);
}

/// Where bounces of an address go.
struct ErrorsTo {
  std::string address;
  bool given = false;
};

/// The copy of an address that continues behind an unseen router: same data, no header changes, and bounces go where
/// they went before that router.
void add_unseen_clone(RouteContext& ctx, Addr& addr, std::size_t next, ErrorsTo before) {
  auto clone = make_child(addr, addr.state.address);
  clone->errors_to = std::move(before.address);
  clone->has_errors_to = before.given;
  clone->headers_add.clear();
  clone->headers_remove.clear();
  if (next < ctx.config.routers.size()) {
    clone->start_router = ctx.config.routers[next].name;
  } else {
    clone->status = Addr::Status::failed;
    clone->message = unrouteable(ctx, next > 0 ? &ctx.config.routers[next - 1] : nullptr, *clone);
  }
  addr.children.push_back(std::move(clone));
}

Status finish_accept(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const RouterGeneric& g = generic(r);
  REMEX_CHECK(apply_header_options(ctx, r, addr));
  if (addr.transport == nullptr && g.transport.is_set()) {
    REMEX_TRY(addr.transport, find_transport(ctx, r, g.transport, "transport"));
  }
  if (addr.transport == nullptr && !g.verify_only && ctx.mode == RouteMode::deliver)
    return defer(fmt::format("the {} router accepted the address without a transport", r.name));
  REMEX_CHECK(apply_identity(ctx, r, addr));
  if (g.fallback_hosts.is_set()) {
    auto list = g.fallback_hosts.eval(ctx.scope);
    if (!list && list.error().kind != ErrorKind::forced_fail)
      return defer(fmt::format("fallback_hosts: {}", list.error().text));
    int place = 0;
    if (list)
      for (const std::string& name : lang::split_list(list->view())) {
        bool mx = false;
        if (name == "+") ++place;
        if (name == "+") continue;
        REMEX_TRY(HostItem host, parse_host_item(name, mx));
        host.place = place;
        addr.fallback_hosts.push_back(std::move(host));
      }
  }
  return {};
}

Status finish_children(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const RouterGeneric& g = generic(r);
  REMEX_CHECK(apply_header_options(ctx, r, addr));
  for (auto& child : addr.children) {
    if (!child->own_errors_to) {
      child->errors_to = addr.errors_to;
      child->has_errors_to = addr.has_errors_to;
    }
    child->headers_add = addr.headers_add;
    child->headers_remove = addr.headers_remove;
    if (child->transport != nullptr || child->status == Addr::Status::routed) {
      child->router = &r;
      REMEX_CHECK(apply_identity(ctx, r, *child));
    } else if (!g.redirect_router.empty()) {
      if (find_index(ctx.config, g.redirect_router) == ctx.config.routers.size())
        return defer(fmt::format("redirect_router \"{}\" of the {} router does not exist", g.redirect_router, r.name));
      child->start_router = g.redirect_router;
    }
  }
  return {};
}

enum class Next { done, following, pass };

/// The driver accepted, made children or discarded.
Next settle(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, const RouteResult& res, std::size_t index) {
  const RouterGeneric& g = generic(r);
  if (fails_verification(ctx, g)) {
    set_outcome(addr, Addr::Status::failed, failed(fmt::format("{} router forced verify failure", r.name)));
    return Next::done;
  }
  auto unseen = g.unseen.eval(ctx.scope);
  if (!unseen && unseen.error().kind != ErrorKind::forced_fail) {
    set_outcome(addr, Addr::Status::deferred, deferred(fmt::format("unseen: {}", unseen.error().text)));
    return Next::done;
  }
  addr.router_trail.push_back(r.name);
  addr.router = &r;
  addr.log_as_local = g.log_as_local;
  addr.message = res.message;
  ErrorsTo before{addr.errors_to, addr.has_errors_to};
  Status ok;
  if (res.outcome == Outcome::accept) {
    ok = finish_accept(ctx, r, addr);
    addr.status = Addr::Status::routed;
  } else if (res.outcome == Outcome::rerouted) {
    ok = finish_children(ctx, r, addr);
    addr.status = Addr::Status::redirected;
  } else {
    addr.status = Addr::Status::discarded;
  }
  if (!ok) {
    addr.children.clear();
    set_outcome(addr, Addr::Status::deferred, deferred(fmt::format("{} router: {}", r.name, ok.error().text)));
    return Next::done;
  }
  if ((unseen && *unseen) || res.and_continue) add_unseen_clone(ctx, addr, index + 1, std::move(before));
  return Next::done;
}

/// The address fails or waits; what a filter set up before it said so is delivered all the same.
Next give_up(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, Addr::Status status,
             const RouteResult& res) {
  if (!addr.children.empty())
    if (Status ok = finish_children(ctx, r, addr); !ok) addr.children.clear();
  set_outcome(addr, status, res);
  return Next::done;
}

/// Runs one router whose preconditions hold.
Next run_router(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr, std::size_t index) {
  const RouterGeneric& g = generic(r);
  addr.router = &r;  // for the log line, also of a failure
  const RouterDef* def = find_router_def(r.def);
  if (def == nullptr || def->route == nullptr) {
    set_outcome(addr, Addr::Status::deferred,
                deferred(fmt::format("the driver of the {} router cannot route", r.name)));
    return Next::done;
  }
  if (g.debug_print.is_set() && debugging(ctx))
    if (auto text = g.debug_print.eval(ctx.scope)) debug_line(ctx, text->view());

  RouteResult res;
  if (Status data = set_data(ctx, g, addr); data) {
    res = def->route(ctx, r, addr);
  } else if (data.error().kind == ErrorKind::forced_fail) {
    res = declined();
  } else {
    res = deferred(data.error().text);
  }

  switch (res.outcome) {
    case Outcome::accept:
    case Outcome::rerouted:
    case Outcome::discard: return settle(ctx, r, addr, res, index);
    case Outcome::pass: return Next::pass;
    case Outcome::fail: return give_up(ctx, r, addr, Addr::Status::failed, res);
    case Outcome::error:
      if (ctx.scope.services != nullptr)
        ctx.scope.services->log(static_cast<int>(lang::LogTarget::panic_log),
                                fmt::format("{} router: {}", r.name, res.message));
      [[fallthrough]];
    case Outcome::defer: return give_up(ctx, r, addr, Addr::Status::deferred, res);
    case Outcome::decline: break;
  }
  if (debugging(ctx)) debug_line(ctx, fmt::format("{} router declined for {}", r.name, addr.state.address));
  lang::trace_line(ctx.scope, fmt::format("{} router declined for {}", r.name, addr.state.address));
  auto more = g.more.eval(ctx.scope);
  if (!more && more.error().kind != ErrorKind::forced_fail) {
    set_outcome(addr, Addr::Status::deferred, deferred(fmt::format("more: {}", more.error().text)));
    return Next::done;
  }
  if (more && *more) return Next::following;
  set_outcome(addr, Addr::Status::failed, failed(unrouteable(ctx, &r, addr)));
  return Next::done;
}

/// -bh: what the router that decided said.
void trace_end(RouteContext& ctx, const lang::DriverInstance& r, const Addr& addr) {
  switch (addr.status) {
    case Addr::Status::failed:
      lang::trace_line(ctx.scope, r.def->name == "redirect" ? fmt::format("{} router forced address failure", r.name)
                                                            : std::string("no more routers"));
      break;
    case Addr::Status::deferred:
      lang::trace_line(ctx.scope, fmt::format("{} router: defer for {}", r.name, addr.state.address));
      lang::trace_line(ctx.scope, fmt::format("  message: {}", addr.message));
      break;
    default: lang::trace_line(ctx.scope, fmt::format("routed by {} router", r.name));
  }
}

bool too_deep(const Addr& addr) {
  int depth = 0;
  for (const Addr* p = addr.parent; p != nullptr; p = p->parent)
    if (++depth > kMaxDepth) return true;
  return false;
}

}  // namespace

void debug_line(RouteContext& ctx, std::string_view text) {
  if (debugging(ctx)) ctx.scope.services->debug(text);
}

std::unique_ptr<Addr> make_top_address(const std::string& address, int top_index) {
  auto addr = std::make_unique<Addr>();
  addr->top_index = top_index;
  set_address(*addr, address);
  return addr;
}

std::unique_ptr<Addr> make_child(Addr& parent, const std::string& address) {
  auto child = std::make_unique<Addr>();
  set_address(*child, address);
  child->parent = &parent;
  child->top_index = parent.top_index;
  child->state.parent = &parent.state;
  child->state.address_data = parent.state.address_data;
  child->state.router_variables = parent.state.router_variables;
  child->errors_to = parent.errors_to;
  child->has_errors_to = parent.has_errors_to;
  child->headers_add = parent.headers_add;
  child->headers_remove = parent.headers_remove;
  child->ignore_errors = parent.ignore_errors;
  return child;
}

void route_address(RouteContext& ctx, Addr& addr) {
  if (addr.status != Addr::Status::pending) return;
  AddressScope in_scope(ctx.scope, addr.state);
  if (too_deep(addr)) {
    set_outcome(addr, Addr::Status::failed, failed("too many generations of redirection"));
    return;
  }
  lang::trace_line(ctx.scope, "routing " + addr.state.address);
  const auto& routers = ctx.config.routers;
  std::size_t index = 0;
  if (!addr.start_router.empty()) {
    index = find_index(ctx.config, addr.start_router);
    if (index == routers.size()) {
      set_outcome(addr, Addr::Status::deferred, deferred(fmt::format("there is no router \"{}\"", addr.start_router)));
      return;
    }
  }
  const lang::DriverInstance* last = nullptr;
  while (index < routers.size()) {
    const lang::DriverInstance& r = routers[index];
    last = &r;
    begin_router(addr, r);
    // Captures of one router's patterns are not seen by the next one.
    lang::SavedCaptures captures(ctx.scope);
    const GateResult gate = check_preconditions(ctx, r, addr);
    if (gate.gate == Gate::defer) {
      set_outcome(addr, Addr::Status::deferred, deferred(gate.message));
      return;
    }
    if (gate.gate == Gate::skip) {
      if (debugging(ctx)) debug_line(ctx, fmt::format("{} router skipped: {}", r.name, gate.message));
      ++index;
      continue;
    }
    if (debugging(ctx)) debug_line(ctx, fmt::format("calling {} router for {}", r.name, addr.state.address));
    lang::trace_line(ctx.scope, fmt::format("calling {} router", r.name));
    const Next next = run_router(ctx, r, addr, index);
    if (ctx.scope.trace != nullptr && next == Next::done) trace_end(ctx, r, addr);
    switch (next) {
      case Next::done: return;
      case Next::following: ++index; break;
      case Next::pass:
        if (debugging(ctx)) debug_line(ctx, fmt::format("{} router passed for {}", r.name, addr.state.address));
        if (generic(r).pass_router.empty()) {
          ++index;
          break;
        }
        const std::size_t target = find_index(ctx.config, generic(r).pass_router);
        if (target <= index || target == routers.size()) {
          set_outcome(addr, Addr::Status::deferred,
                      deferred(fmt::format("pass_router \"{}\" of the {} router is not a later router",
                                           generic(r).pass_router, r.name)));
          return;
        }
        index = target;
    }
  }
  addr.router = nullptr;
  lang::trace_line(ctx.scope, "no more routers");
  set_outcome(addr, Addr::Status::failed, failed(unrouteable(ctx, last, addr)));
}

}  // namespace remex::routers
