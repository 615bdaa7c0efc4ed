// What addresses of one message have in common: lists of hosts that are the same but for chance, and the routing of one
// address given to the others of its domain (same_domain_copy_routing).
#include <fmt/core.h>

#include <algorithm>
#include <tuple>

#include "routers/internal.h"

namespace remex::routers {

std::string hosts_key(const std::vector<HostItem>& hosts) {
  std::vector<const HostItem*> sorted;
  sorted.reserve(hosts.size());
  for (const HostItem& h : hosts) sorted.push_back(&h);
  const auto rank = [](const HostItem* h) { return std::tie(h->place, h->mx); };
  std::ranges::sort(sorted, {}, [&](const HostItem* h) {
    return std::tuple_cat(rank(h), std::tie(h->name, h->ip, h->port, h->mx_secure));
  });
  std::string key;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const HostItem& h = *sorted[i];
    if (i > 0 && rank(sorted[i - 1]) != rank(&h)) key += "\n+";
    key += fmt::format("\n{} {} {} {}", h.name, h.ip, h.port, h.mx_secure ? 1 : 0);
  }
  return key;
}

bool may_copy_routing(const Addr& model) {
  if (model.status != Addr::Status::routed || model.router == nullptr || model.transport == nullptr) return false;
  const RouterDef* def = find_router_def(model.router->def);
  if (def == nullptr || def->copies_routing == nullptr || !def->copies_routing(*model.router)) return false;
  const RouterGeneric& g = generic(*model.router);
  // Behind an unseen router the address goes on by itself; affixes are those of one local part.
  return model.transport->def != nullptr && model.transport->def->name == "smtp" && model.children.empty() &&
         model.headers_add.empty() && model.headers_remove.empty() && g.headers_add.empty() &&
         g.headers_remove_items.empty() && g.local_part_prefix.empty() && g.local_part_suffix.empty();
}

void copy_routing(const Addr& model, Addr& to) {
  const RouterGeneric& g = generic(*model.router);
  to.status = Addr::Status::routed;
  to.router = model.router;
  to.router_trail.push_back(model.router->name);
  to.transport = model.transport;
  to.hosts = model.hosts;
  to.hosts_randomized = model.hosts_randomized;
  to.fallback_hosts = model.fallback_hosts;
  if (g.errors_to.is_set()) {
    to.errors_to = model.errors_to;
    to.has_errors_to = model.has_errors_to;
  }
  to.user = model.user;
  to.group = model.group;
  to.initgroups = model.initgroups;
  to.home_directory = model.home_directory;
  to.current_directory = model.current_directory;
  to.log_as_local = model.log_as_local;
  lang::AddressState& s = to.state;
  s.router_name = model.state.router_name;
  if (g.caseful_local_part) s.local_part = s.cased_local_part;
  s.domain_data = model.state.domain_data;
  s.sender_data = model.state.sender_data;
  s.address_data = model.state.address_data;
  s.router_variables = model.state.router_variables;
  s.self_hostname = model.state.self_hostname;
}

}  // namespace remex::routers
