// What a router gives an address it handled: bounce address, header changes, transport, user, group and directories.
#include <fmt/core.h>

#include "core/base/strings.h"
#include "routers/internal.h"

namespace remex::routers {
namespace {

/// Expands; forced failure and unset give the empty text with `*set` false.
Result<Text> expand_optional(RouteContext& ctx, const lang::Expansion& e, std::string_view option, bool* set) {
  *set = false;
  if (!e.is_set()) return Text();
  auto text = e.eval(ctx.scope);
  if (!text) {
    if (text.error().kind == ErrorKind::forced_fail) return Text();
    return defer(fmt::format("{}: {}", option, text.error().text));
  }
  *set = true;
  return text;
}

/// An errors_to address must verify with an empty sender; only asked in a real delivery, so that verification does not
/// call itself.
bool errors_to_verifies(RouteContext& ctx, const std::string& address) {
  if (ctx.mode != RouteMode::deliver || ctx.scope.services == nullptr) return true;
  mail::Envelope null_sender;
  if (ctx.scope.envelope != nullptr) null_sender = *ctx.scope.envelope;
  null_sender.sender.clear();
  lang::Scope scope = ctx.scope;
  scope.envelope = &null_sender;
  return ctx.scope.services->verify_recipient(scope, address, "").kind == lang::VerifyOutcome::Kind::ok;
}

Status apply_errors_to(RouteContext& ctx, const RouterGeneric& g, Addr& addr) {
  bool set = false;
  REMEX_TRY(Text to, expand_optional(ctx, g.errors_to, "errors_to", &set));
  if (!set) return {};
  const std::string address(trim(to.view()));
  if (!address.empty() && !errors_to_verifies(ctx, address)) {
    debug_line(ctx, fmt::format("errors_to address {} does not verify: ignored", printable(address)));
    return {};
  }
  addr.errors_to = address;
  addr.has_errors_to = true;
  return {};
}

}  // namespace

Status apply_header_options(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const RouterGeneric& g = generic(r);
  REMEX_CHECK(apply_errors_to(ctx, g, addr));
  for (const lang::Expansion& e : g.headers_add) {
    bool set = false;
    REMEX_TRY(Text text, expand_optional(ctx, e, "headers_add", &set));
    const std::string_view lines = trim_right(text.view());
    if (lines.empty()) continue;
    addr.headers_add += lines;
    addr.headers_add += '\n';
  }
  for (const lang::Expansion& e : g.headers_remove_items) {
    bool set = false;
    REMEX_TRY(Text text, expand_optional(ctx, e, "headers_remove", &set));
    for (std::string& name : lang::split_list(text.view()))
      if (!name.empty()) addr.headers_remove.push_back(std::move(name));
  }
  return {};
}

Status apply_identity(RouteContext& ctx, const lang::DriverInstance& r, Addr& addr) {
  const RouterGeneric& g = generic(r);
  const lang::AddressState& s = *ctx.scope.address;
  bool set = false;
  REMEX_TRY(Text user, expand_optional(ctx, g.user, "user", &set));
  REMEX_TRY(Text group, expand_optional(ctx, g.group, "group", &set));
  addr.user = std::string(trim(user.view()));
  addr.group = std::string(trim(group.view()));
  if (addr.user.empty() && g.check_local_user) {
    addr.user = std::to_string(s.local_user_uid);
    if (addr.group.empty()) addr.group = std::to_string(s.local_user_gid);
  }
  addr.initgroups = g.initgroups;

  REMEX_TRY(Text home, expand_optional(ctx, g.transport_home_directory, "transport_home_directory", &set));
  addr.home_directory = set ? std::move(home) : Text(s.home, s.home_tainted ? Taint::tainted : Taint::clean);
  REMEX_TRY(Text current, expand_optional(ctx, g.transport_current_directory, "transport_current_directory", &set));
  addr.current_directory = current.str();
  if (&addr.state != &s) {
    addr.state.home = s.home;
    addr.state.home_tainted = s.home_tainted;
  }
  return {};
}

Result<const lang::DriverInstance*> find_transport(RouteContext& ctx, const lang::DriverInstance& r,
                                                   const lang::Expansion& name, std::string_view option) {
  auto text = name.eval(ctx.scope);
  if (!text)
    return defer(fmt::format("failed to expand \"{}\" of the {} router: {}", option, r.name, text.error().text));
  const std::string wanted(trim(text->view()));
  const lang::DriverInstance* t = ctx.config.find_transport(wanted);
  if (t == nullptr)
    return defer(
        fmt::format("{} \"{}\" of the {} router: there is no such transport", option, printable(wanted), r.name));
  return t;
}

}  // namespace remex::routers
