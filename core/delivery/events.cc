// The events of a message and its addresses (lang/events.h); those of connections are the smtp transport's.

#include "lang/events.h"

#include "core/delivery/attempt.h"
#include "transports/internal.h"

namespace remex::delivery {

void Attempt::raise_event(Addr& a, const transports::AddrResult* r, std::string_view name, std::string_view data,
                          int defer_errno) {
  if (opt_.dry_run) return;
  const lang::Expansion& action =
      a.transport != nullptr ? transports::generic(*a.transport).event_action : eng_.config->main.event_action;
  if (!action.is_set()) return;
  lang::Scope scope = fresh_scope();
  lang::DeliveryState state;
  if (a.transport != nullptr) state.transport_name = a.transport->name;
  if (r != nullptr) {
    state.host = r->host_name;
    state.host_address = r->host_ip;
    state.host_port = r->host_port;
    state.sending_ip_address = r->local_ip;
    state.tls_cipher = r->tls_cipher;
    state.tls_peer_dn = r->tls_peer_dn;
    state.tls_certificate_verified = r->tls_verified;
    state.tls_dane = r->tls_dane ? "yes" : "no";
  }
  scope.delivery = &state;
  scope.address = &a.state;
  (void)lang::raise_event(scope, action, name, data, defer_errno);
}

void Attempt::raise_complete() {
  const lang::Expansion& action = eng_.config->main.event_action;
  if (!action.is_set() || opt_.dry_run) return;
  lang::Scope scope = fresh_scope();
  lang::DeliveryState state;
  scope.delivery = &state;
  (void)lang::raise_event(scope, action, "msg:complete");
}

}  // namespace remex::delivery
