// -bt: the routing of an address, printed as Exim prints it.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"

namespace remex::delivery {

using routers::Addr;

namespace {

void print_hosts(const std::vector<routers::HostItem>& hosts, std::string& out) {
  std::size_t name_width = 0, ip_width = 0;
  for (const auto& h : hosts) {
    name_width = std::max(name_width, h.name.size());
    ip_width = std::max(ip_width, h.ip.size());
  }
  for (const auto& h : hosts) {
    out += fmt::format("  host {:<{}}{}", h.name, name_width, h.ip.empty() ? "" : fmt::format(" [{}]", h.ip));
    if (h.mx >= 0 || h.port > 0) out += std::string(ip_width - h.ip.size(), ' ');
    if (h.mx >= 0) out += fmt::format(" MX={}", h.mx);
    if (h.port > 0) out += fmt::format(" port={}", h.port);
    if (h.mx_secure) out += " AD";
    while (out.back() == ' ') out.pop_back();
    out += '\n';
  }
}

/// Prints one leaf; its parents as "<-- " lines.
int print_leaf(const Addr& a, std::string& out) {
  const std::string shown = a.is_file || a.is_pipe || a.is_directory ? a.special.str() : a.state.address;
  switch (a.status) {
    case Addr::Status::failed:
    case Addr::Status::deferred:
      out += fmt::format("{} {}: {}\n", shown, a.status == Addr::Status::failed ? "is undeliverable" : "cannot be resolved at this time",
                         a.user_message.empty() ? a.message : a.user_message);
      return a.status == Addr::Status::failed ? 2 : 1;
    case Addr::Status::discarded: out += shown + " is discarded\n"; return 0;
    default: break;
  }
  out += shown;
  if (a.parent != nullptr) out += "\n";
  for (const Addr* p = a.parent; p != nullptr; p = p->parent) out += fmt::format("    <-- {}{}", p->state.address, p->parent != nullptr ? "\n" : "");
  out += '\n';
  out += fmt::format("  router = {}, transport = {}\n", a.router != nullptr ? a.router->name : "unknown", a.transport != nullptr ? a.transport->name : "unset");
  print_hosts(a.hosts, out);
  return 0;
}

}  // namespace

int test_address(Engine& eng, lang::Scope& scope, const std::string& address, std::string& out) {
  routers::RouteContext ctx{*eng.config, scope, routers::RouteMode::test};
  auto top = routers::make_top_address(address, 0);
  int worst = 0;
  lang::AddressState* const saved = scope.address;
  route_tree(ctx, *top, [&](Addr& leaf) {
    const int rc = print_leaf(leaf, out);
    if (rc == 2 || (rc == 1 && worst == 0)) worst = rc;
  });
  scope.address = saved;
  return worst;
}

}  // namespace remex::delivery
