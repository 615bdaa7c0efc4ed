// Routing trees, batches of addresses, and their run through a transport.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"

namespace remex::delivery {

lang::Scope message_scope(Engine& eng, store::StoredMessage& msg) {
  lang::Scope s;
  s.config = eng.config.get();
  s.services = eng.services;
  s.from = &msg.envelope.from;
  s.envelope = &msg.envelope;
  s.headers = &msg.headers;
  s.body = msg.body.get();
  s.acl_c = &msg.envelope.acl_c;
  s.acl_m = &msg.envelope.acl_m;
  return s;
}

void route_tree(routers::RouteContext& ctx, routers::Addr& addr, const std::function<void(routers::Addr&)>& visit) {
  if (addr.status == routers::Addr::Status::pending) routers::route_address(ctx, addr);
  if (addr.status != routers::Addr::Status::redirected) visit(addr);
  for (auto& child : addr.children) route_tree(ctx, *child, visit);
}

namespace {
std::string batch_key(const routers::Addr& a) {
  std::string key = a.transport->name;
  const auto add = [&](std::string_view s) { key.append(1, '\0').append(s); };
  add(a.has_errors_to ? "E" + a.errors_to : "");
  add(a.headers_add);
  for (const auto& h : a.headers_remove) add(h);
  add(a.user);
  add(a.group);
  for (const auto& h : a.hosts) add(fmt::format("{}|{}|{}", h.name, h.ip, h.port));
  return key;
}
}  // namespace

std::vector<Batch> make_batches(const std::vector<routers::Addr*>& routed) {
  std::vector<Batch> out;
  std::map<std::string, std::size_t> open;
  for (routers::Addr* a : routed) {
    const auto* def = transports::find_transport_def(a->transport->def);
    const int limit = def != nullptr && def->batch_limit != nullptr ? def->batch_limit(*a->transport) : 1;
    const bool alone = limit == 1 || a->is_file || a->is_pipe || a->is_directory;
    std::string key = alone ? std::string() : batch_key(*a);
    if (!alone) {
      const auto it = open.find(key);
      if (it != open.end() && (limit == 0 || out[it->second].addresses.size() < static_cast<std::size_t>(limit))) {
        out[it->second].addresses.push_back(a);
        continue;
      }
      open[key] = out.size();
    }
    out.push_back({a->transport, def, {a}});
  }
  return out;
}

std::vector<transports::AddrResult> run_batch(Engine& eng, const lang::Scope& scope, transports::Job& job, const Batch& batch,
                                              const std::function<void(transports::DeliverContext&)>& before,
                                              const std::function<void(transports::DeliverContext&)>& after) {
  lang::Scope own = scope;
  lang::DeliveryState state;
  state.transport_name = batch.transport->name;
  const routers::Addr& first = *batch.addresses.front();
  state.return_path = Text::tainted(first.has_errors_to ? first.errors_to : job.envelope.sender);
  state.return_path_set = true;
  if (first.is_file || first.is_directory) state.address_file = first.special;
  if (first.is_pipe) state.address_pipe = first.special;
  if (!first.hosts.empty()) {
    state.host = first.hosts.front().name;
    state.host_address = first.hosts.front().ip;
  }
  own.delivery = &state;
  own.address = &batch.addresses.front()->state;
  transports::DeliverContext ctx{*eng.config, own, job, {}, {}, false};
  if (before) before(ctx);
  std::vector<transports::AddrResult> results;
  if (batch.def == nullptr || batch.def->deliver == nullptr) {
    transports::AddrResult r;
    r.message = fmt::format("the driver of transport {} cannot deliver", batch.transport->name);
    results.assign(batch.addresses.size(), r);
  } else {
    results = batch.def->deliver(ctx, *batch.transport, batch.addresses);
  }
  results.resize(batch.addresses.size());
  if (after) after(ctx);
  return results;
}

}  // namespace remex::delivery
