// mua_wrapper: one message, one transaction, no queue. Everything that is not "delivered" is a failure with its reason.

#include <fmt/core.h>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/delivery/lines.h"

namespace remex::delivery {

using routers::Addr;

Status deliver_wrapped(Engine& eng, store::StoredMessage& msg) {
  lang::Scope scope = message_scope(eng, msg);
  routers::RouteContext ctx{*eng.config, scope, routers::RouteMode::deliver};
  std::vector<std::unique_ptr<Addr>> tops;
  std::vector<Addr*> routed;
  std::string problem;
  const auto blame = [&](const std::string& what) {
    if (problem.empty()) problem = what;
  };
  for (std::size_t i = 0; i < msg.envelope.recipients.size(); ++i) {
    tops.push_back(routers::make_top_address(msg.envelope.recipients[i].address, static_cast<int>(i)));
    route_tree(ctx, *tops.back(), [&](Addr& leaf) {
      if (leaf.status == Addr::Status::routed && leaf.transport != nullptr) routed.push_back(&leaf);
      else blame(fmt::format("{}: {}", leaf.state.address, leaf.message.empty() ? "cannot be routed" : leaf.message));
    });
  }
  const auto refuse = [&](std::string text) -> Status {
    eng.log->write(log::kMain, msg.envelope.id, fmt::format("** {}: {}", msg.envelope.recipients.empty() ? "" : printable(msg.envelope.recipients.front().address), printable(text)));
    return fail(std::move(text));
  };
  if (!problem.empty()) return refuse(problem);
  if (routed.empty()) return refuse("no recipients");
  const auto batches = make_batches(routed);
  if (batches.size() != 1)
    return refuse("the recipients do not all go to the same host in one transaction (mua_wrapper delivers only then)");
  const Batch& batch = batches.front();
  if (batch.def == nullptr || batch.def->is_local) return refuse(fmt::format("transport {} is not a remote one (mua_wrapper needs smtp)", batch.transport->name));
  transports::Job job{msg.envelope, msg.headers, msg.body, true};
  std::string host_trouble;
  const auto results = run_batch(
      eng, scope, job, batch, [](transports::DeliverContext& c) { c.mua_wrapper = true; },
      [&](transports::DeliverContext& c) {
        for (const auto& h : c.host_results)
          if (!h.error.empty() && host_trouble.empty()) host_trouble = fmt::format("H={} [{}]: {}", h.name, h.ip, h.message);
      });
  bool first = true;
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto& r = results[i];
    const Addr& a = *batch.addresses[i];
    if (r.fate == transports::Fate::delivered) {
      eng.log->write(log::kMain, msg.envelope.id, delivered_line(first ? "=>" : "->", a, r, false, msg.envelope, eng.log->selectors()));
      first = false;
    } else {
      blame(r.message.empty() ? host_trouble : r.message);
      if (problem.empty()) problem = "delivery failed";
    }
  }
  if (!problem.empty()) return refuse(problem);
  eng.log->write(log::kMain, msg.envelope.id, completed_line(msg.envelope, eng.log->selectors()));
  return {};
}

}  // namespace remex::delivery
