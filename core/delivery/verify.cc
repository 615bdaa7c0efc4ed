// Address verification: routing in verify mode (verify=sender/recipient, -bv, VRFY).

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/mail/address.h"

namespace remex::delivery {

using routers::Addr;

lang::VerifyOutcome verify_address(Engine& eng, lang::Scope& scope, const std::string& address, bool sender, std::string_view) {
  lang::VerifyOutcome out;
  lang::AddressState* const saved_address = scope.address;
  const std::string saved_mode = scope.verify_mode;
  const lang::SavedCaptures captures(scope);
  scope.verify_mode = sender ? "S" : "R";
  routers::RouteContext ctx{*eng.config, scope, sender ? routers::RouteMode::verify_sender : routers::RouteMode::verify_recipient};
  if (mail::split_address(address).domain.empty()) {
    out.kind = lang::VerifyOutcome::Kind::fail;
    out.failure = "qualify";
    out.user_message = out.log_message = "unqualified address";
  } else {
    auto top = routers::make_top_address(address, 0);
    Addr* a = top.get();
    routers::route_address(ctx, *a);
    // Redirection to exactly one address goes on with it; to several is enough.
    while (a->status == Addr::Status::redirected && a->children.size() == 1) {
      a = a->children.front().get();
      if (a->is_file || a->is_pipe || a->is_directory) a->status = Addr::Status::routed;
      if (a->status == Addr::Status::pending) routers::route_address(ctx, *a);
    }
    out.address_data = a->state.address_data;
    switch (a->status) {
      case Addr::Status::failed:
        out.kind = lang::VerifyOutcome::Kind::fail;
        out.failure = "route";
        out.log_message = a->message.empty() ? "Unrouteable address" : a->message;
        out.user_message = a->user_message.empty() ? out.log_message : a->user_message;
        break;
      case Addr::Status::deferred:
        out.kind = lang::VerifyOutcome::Kind::defer;
        out.failure = "route";
        out.log_message = a->message;
        out.user_message = a->user_message;
        break;
      default: break;
    }
  }
  scope.verify_mode = saved_mode;
  scope.address = saved_address;
  return out;
}

}  // namespace remex::delivery
