// One delivery attempt of one message; private to core/delivery.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "core/delivery/delivery.h"
#include "core/delivery/retry.h"
#include "routers/router.h"
#include "transports/transport.h"

namespace remex::delivery {

/// A scope for a stored message: config, services, reception facts, envelope, headers, body.
lang::Scope message_scope(Engine& eng, store::StoredMessage& msg);

/// Routes an address and all it is redirected to. Leaves end up routed, failed, deferred or discarded. `visit` is called for each leaf.
void route_tree(routers::RouteContext& ctx, routers::Addr& addr, const std::function<void(routers::Addr&)>& visit);

/// Addresses that travel together: same transport, hosts, return path and header changes.
struct Batch {
  const lang::DriverInstance* transport = nullptr;
  const transports::TransportDef* def = nullptr;
  std::vector<routers::Addr*> addresses;
};
std::vector<Batch> make_batches(const std::vector<routers::Addr*>& routed);

/// Runs one batch through its transport. `ctx_setup` may set host_allowed and mua_wrapper.
std::vector<transports::AddrResult> run_batch(Engine& eng, const lang::Scope& scope, transports::Job& job, const Batch& batch,
                                              const std::function<void(transports::DeliverContext&)>& before,
                                              const std::function<void(transports::DeliverContext&)>& after);

class Attempt {
 public:
  Attempt(Engine& eng, store::StoredMessage msg, const DeliverOptions& opt) : eng_(eng), msg_(std::move(msg)), opt_(opt) {}
  Status run();

 private:
  bool still_frozen();
  void route_all();
  void take_leaf(routers::Addr& a);
  bool held(const routers::Addr& a);
  void deliver_batches();
  void deliver_batch(const Batch& batch);
  void record(const Batch& batch, const std::vector<transports::AddrResult>& results);
  void fail_address(routers::Addr& a, const std::string& text, const transports::AddrResult* r);
  void defer_address(routers::Addr& a, const std::string& text, const transports::AddrResult* r, const Failure* failure);
  void defer_until(std::int64_t when);
  void log(int targets, const std::string& line);
  bool leaf_done(const routers::Addr& a) const;
  void mark_recipients();
  Status finish();
  const log::Selectors& selectors() const { return eng_.log->selectors(); }

  Engine& eng_;
  store::StoredMessage msg_;
  DeliverOptions opt_;
  lang::Scope scope_;
  std::vector<std::unique_ptr<routers::Addr>> tops_;
  std::vector<routers::Addr*> routed_;
  std::vector<const routers::Addr*> failed_, deferred_;
  std::set<std::string> seen_;
  std::int64_t next_attempt_ = 0;
  bool freeze_ = false;
  bool record_written_ = false;
};

}  // namespace remex::delivery
