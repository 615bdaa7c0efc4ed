// A delivery attempt: claim, route, deliver, record, bounce. See delivery.h.
//
// Order that keeps the promise: a transport's durability point comes first, then the log line, then the store. A crash between may repeat
// a delivery, never lose one.

#include <fmt/core.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/delivery/bounce.h"
#include "core/delivery/lines.h"
#include "core/io/fiber.h"

namespace remex::delivery {

using routers::Addr;
using transports::Fate;

namespace {
constexpr std::size_t kLocalParallel = 16;
constexpr std::int64_t kFallbackRetry = 900;
}  // namespace

void Attempt::log(int targets, const std::string& line) {
  eng_.log->write(targets, msg_.envelope.id, line);
  if (eng_.store && eng_.config->main.message_logs && !opt_.first_attempt) eng_.store->message_log(msg_.envelope.id, line);
}

void Attempt::defer_until(std::int64_t when) {
  if (next_attempt_ == 0 || when < next_attempt_) next_attempt_ = when;
}

/// Frozen messages wait, unless forced, thawed by age (auto_thaw) or cancelled by age (timeout_frozen_after, ignore_bounce_errors_after).
bool Attempt::still_frozen() {
  mail::Envelope& e = msg_.envelope;
  if (!e.frozen) return false;
  const auto& m = eng_.config->main;
  const std::int64_t now = wall_seconds();
  const std::int64_t age = now - std::chrono::duration_cast<Seconds>(e.received.time_since_epoch()).count();
  const std::int64_t frozen_for = now - e.frozen_at;
  if (opt_.give_up) return false;
  if ((m.timeout_frozen_after > 0 && frozen_for > m.timeout_frozen_after) ||
      (e.sender.empty() && e.local_error_message && m.ignore_bounce_errors_after > 0 && frozen_for > m.ignore_bounce_errors_after)) {
    log(log::kMain, fmt::format("cancelled by {}", m.timeout_frozen_after > 0 && frozen_for > m.timeout_frozen_after ? "timeout_frozen_after" : "ignore_bounce_errors_after"));
    opt_.give_up = true;
    return false;
  }
  if (opt_.thaw || opt_.force_frozen || (m.auto_thaw > 0 && frozen_for > m.auto_thaw)) {
    e.frozen = false;
    e.frozen_at = 0;
    log(log::kMain, opt_.thaw ? "unfrozen by forced delivery" : opt_.force_frozen ? "unfrozen by queue run" : "Unfrozen by auto-thaw");
    return false;
  }
  (void)age;
  if (eng_.log->on(log::Selector::skip_delivery)) eng_.log->write(log::kMain, e.id, "Message is frozen");
  return true;
}

bool Attempt::held(const Addr& a) {
  const auto& m = eng_.config->main;
  const auto in = [&](const lang::MatchList& list) {
    if (!list.is_set()) return false;
    auto r = list.match(scope_, Text::tainted(a.state.domain));
    return r && r->matched;
  };
  if (!opt_.force && in(m.hold_domains)) return true;
  return opt_.first_attempt && in(m.queue_domains);
}

void Attempt::fail_address(Addr& a, const std::string& text, const transports::AddrResult* r) {
  a.status = Addr::Status::failed;
  a.message = text;
  failed_.push_back(&a);
  log(log::kMain, failed_line("**", a, text, r, selectors()));
}

void Attempt::defer_address(Addr& a, const std::string& text, const transports::AddrResult* r, const Failure* failure) {
  const std::int64_t received = std::chrono::duration_cast<Seconds>(msg_.envelope.received.time_since_epoch()).count();
  if (failure != nullptr) {
    const RetryOutcome out = record_failure(eng_, scope_, *failure, received);
    if (out.decision == RetryDecision::give_up) {
      if (r == nullptr) log(log::kMain, failed_line("==", a, text, r, selectors()));
      return fail_address(a, text + (out.no_rule ? ": no retry rule" : ": retry timeout exceeded"), r);
    }
    defer_until(out.next_try);
  }
  a.status = Addr::Status::deferred;
  a.message = text;
  deferred_.push_back(&a);
  if (a.freeze || (r != nullptr && r->freeze)) freeze_ = true;
  log(log::kMain, failed_line("==", a, text, r, selectors()));
}

void Attempt::take_leaf(Addr& a) {
  switch (a.status) {
    case Addr::Status::routed: {
      if (a.transport == nullptr) {
        defer_address(a, "no transport was set", nullptr, nullptr);
        return;
      }
      // Already delivered in an earlier attempt, or the same mailbox reached twice.
      const auto& done = msg_.envelope.non_recipients;
      if (std::find(done.begin(), done.end(), a.unique) != done.end() || !seen_.insert(a.unique).second) {
        a.status = Addr::Status::delivered;
        return;
      }
      routed_.push_back(&a);
      return;
    }
    case Addr::Status::failed: {
      failed_.push_back(&a);
      log(log::kMain, failed_line("**", a, a.message, nullptr, selectors()));
      return;
    }
    case Addr::Status::deferred: {
      if (a.freeze) {
        deferred_.push_back(&a);
        freeze_ = true;
        log(log::kMain, failed_line("==", a, a.message, nullptr, selectors()));
        return;
      }
      Failure f;
      const bool local_part = a.router != nullptr && routers::generic(*a.router).retry_use_local_part;
      f.key = routing_key(a.state.domain, a.state.local_part, local_part);
      f.address = a.state.address;
      f.error = "lookup";
      f.text = a.message;
      defer_address(a, a.message, nullptr, &f);
      return;
    }
    case Addr::Status::discarded:
      log(log::kMain, fmt::format("=> {} <{}>{}", a.message.empty() ? ":blackhole:" : a.message, printable(a.state.address), a.router != nullptr ? " R=" + a.router->name : ""));
      return;
    default: return;
  }
}

void Attempt::route_all() {
  routers::RouteContext ctx{*eng_.config, scope_, routers::RouteMode::deliver};
  const std::int64_t now = wall_seconds();
  for (std::size_t i = 0; i < msg_.envelope.recipients.size(); ++i) {
    const mail::Recipient& r = msg_.envelope.recipients[i];
    if (r.done) continue;
    tops_.push_back(routers::make_top_address(r.address, static_cast<int>(i)));
    Addr& a = *tops_.back();
    if (!r.errors_to.empty()) {
      a.errors_to = r.errors_to;
      a.has_errors_to = true;
    }
    if (opt_.give_up) {
      fail_address(a, "delivery cancelled by administrator", nullptr);
      continue;
    }
    if (held(a)) {
      a.status = Addr::Status::deferred;
      deferred_.push_back(&a);
      defer_until(now + kFallbackRetry);
      log(log::kMain, failed_line("==", a, opt_.first_attempt ? "domain is in queue_domains" : "domain is held", nullptr, selectors()));
      continue;
    }
    if (!opt_.first_attempt && !opt_.force) {
      for (const bool with_local : {false, true}) {
        if (a.status != Addr::Status::pending) break;
        if (const auto wait = waiting(eng_, routing_key(a.state.domain, a.state.local_part, with_local), now); wait && wait->next_try > now) {
          a.status = Addr::Status::deferred;
          deferred_.push_back(&a);
          defer_until(wait->next_try);
          if (eng_.log->on(log::Selector::retry_defer)) log(log::kMain, failed_line("==", a, "retry time not reached", nullptr, selectors()));
        }
      }
      if (a.status != Addr::Status::pending) continue;
    }
    route_tree(ctx, a, [this](Addr& leaf) { take_leaf(leaf); });
  }
}

void Attempt::record(const Batch& batch, const std::vector<transports::AddrResult>& results) {
  const bool local = batch.def != nullptr && batch.def->is_local;
  bool first = true;
  for (std::size_t i = 0; i < results.size(); ++i) {
    Addr& a = *batch.addresses[i];
    const transports::AddrResult& r = results[i];
    switch (r.fate) {
      case Fate::delivered:
        a.status = Addr::Status::delivered;
        log(log::kMain, delivered_line(first ? "=>" : "->", a, r, local, msg_.envelope, selectors()));
        first = false;
        if (!opt_.first_attempt) record_success(eng_, address_key(a.unique));
        break;
      case Fate::failed: fail_address(a, r.message, &r); break;
      case Fate::deferred: {
        Failure f;
        f.address = a.state.address;
        f.host_name = r.host_name;
        f.error = r.retry_error;
        f.smtp_code = r.smtp_code;
        f.text = r.message;
        using RS = transports::AddrResult::Scope;
        if (r.freeze) {
          defer_address(a, r.message, &r, nullptr);
        } else if (r.retry_scope == RS::host) {
          f.key = host_key(r.host_name, r.host_ip, r.host_port);
          defer_address(a, r.message, &r, &f);
        } else if (r.retry_scope == RS::message) {
          f.key = message_key(r.host_name, r.host_ip, r.host_port, msg_.envelope.id);
          defer_address(a, r.message, &r, &f);
        } else if (r.retry_scope == RS::address || local) {
          f.key = address_key(a.unique);
          defer_address(a, r.message, &r, &f);
        } else {  // nothing was tried: the hosts' own retry times decide
          std::int64_t when = 0;
          const std::int64_t now = wall_seconds();
          for (const auto& h : a.hosts)
            if (const auto wait = waiting(eng_, host_key(h.name, h.ip, h.port), now); wait && (when == 0 || wait->next_try < when)) when = wait->next_try;
          defer_until(when > now ? when : now + kFallbackRetry);
          defer_address(a, r.message, &r, nullptr);
        }
        break;
      }
    }
  }
}

void Attempt::deliver_batch(const Batch& batch) {
  transports::Job job{msg_.envelope, msg_.headers, msg_.body, opt_.first_attempt};
  const std::int64_t now = wall_seconds();
  const bool local = batch.def != nullptr && batch.def->is_local;
  std::vector<transports::AddrResult> results;
  if (local && !opt_.first_attempt && !opt_.force) {
    // Local retry times are per address.
    Batch ready{batch.transport, batch.def, {}};
    for (Addr* a : batch.addresses) {
      if (const auto wait = waiting(eng_, address_key(a->unique), now); wait && wait->next_try > now) {
        defer_until(wait->next_try);
        a->status = Addr::Status::deferred;
        deferred_.push_back(a);
        if (eng_.log->on(log::Selector::retry_defer)) log(log::kMain, failed_line("==", *a, "retry time not reached", nullptr, selectors()));
      } else {
        ready.addresses.push_back(a);
      }
    }
    if (ready.addresses.empty()) return;
    results = run_batch(eng_, scope_, job, ready, {}, {});
    return record(ready, results);
  }
  results = run_batch(
      eng_, scope_, job, batch,
      [&](transports::DeliverContext& ctx) {
        if (opt_.force || local) return;
        ctx.host_allowed = [this, now](const routers::HostItem& h) {
          const auto wait = waiting(eng_, host_key(h.name, h.ip, h.port), now);
          return !wait || wait->next_try <= now;
        };
      },
      [&](transports::DeliverContext& ctx) {
        for (const auto& h : ctx.host_results) {
          const std::string key = host_key(h.name, h.ip, h.port);
          if (h.error.empty()) {
            record_success(eng_, key);
          } else {
            Failure f;
            f.key = key;
            f.host_name = h.name;
            f.address = batch.addresses.front()->state.address;
            f.error = h.error;
            f.text = h.message;
            (void)record_failure(eng_, scope_, f, std::chrono::duration_cast<Seconds>(msg_.envelope.received.time_since_epoch()).count());
            if (eng_.log->on(log::Selector::outgoing_port)) log(log::kMain, fmt::format("H={} [{}]:{} {}", h.name, h.ip, h.port, printable(h.message)));
            else log(log::kMain, fmt::format("H={} [{}] {}", h.name, h.ip, printable(h.message)));
          }
        }
      });
  record(batch, results);
}

void Attempt::deliver_batches() {
  const auto batches = make_batches(routed_);
  if (batches.size() == 1) return deliver_batch(batches.front());
  // All local deliveries first, then the remote ones; both bounded.
  for (const bool local : {true, false}) {
    io::Semaphore slots(local ? kLocalParallel : static_cast<std::size_t>(std::max<std::int64_t>(1, eng_.config->main.remote_max_parallel)));
    io::Nursery nursery;
    for (const Batch& b : batches) {
      if ((b.def != nullptr && b.def->is_local) != local) continue;
      if (!local && opt_.local_only) {
        for (Addr* a : b.addresses) {
          a->status = Addr::Status::deferred;
          deferred_.push_back(a);
        }
        defer_until(wall_seconds() + 1);
        continue;
      }
      if (!slots.acquire()) break;
      nursery.spawn("batch", [this, &b, &slots] {
        deliver_batch(b);
        slots.release();
      });
    }
    (void)nursery.join();
  }
}

bool Attempt::leaf_done(const Addr& a) const {
  if (a.status == Addr::Status::redirected || a.status == Addr::Status::routed || a.status == Addr::Status::pending) {
    if (a.status != Addr::Status::redirected) return false;
  } else if (a.status == Addr::Status::deferred) {
    return false;
  }
  return std::all_of(a.children.begin(), a.children.end(), [this](const auto& c) { return leaf_done(*c); });
}

void Attempt::mark_recipients() {
  for (const auto& top : tops_) {
    mail::Recipient& r = msg_.envelope.recipients[static_cast<std::size_t>(top->top_index)];
    if (leaf_done(*top)) {
      r.done = true;
      continue;
    }
    // Some of its children are done: they must not get it again.
    const std::function<void(const Addr&)> note = [&](const Addr& a) {
      if ((a.status == Addr::Status::delivered || a.status == Addr::Status::failed) && !a.unique.empty()) {
        auto& list = msg_.envelope.non_recipients;
        if (std::find(list.begin(), list.end(), a.unique) == list.end()) list.push_back(a.unique);
      }
      for (const auto& c : a.children) note(*c);
    };
    note(*top);
  }
}

Status Attempt::finish() {
  mail::Envelope& e = msg_.envelope;
  mark_recipients();
  e.deliver_first_time = false;
  bool freeze_failed_bounce = false;
  if (!failed_.empty()) freeze_failed_bounce = bounce_failures(eng_, scope_, msg_, failed_);
  if (freeze_failed_bounce) {
    // A bounce that cannot be delivered has nowhere to go: its recipients stay, frozen.
    for (const Addr* a : failed_) e.recipients[static_cast<std::size_t>(a->top_index)].done = false;
    freeze_ = true;
  }
  const bool complete = std::all_of(e.recipients.begin(), e.recipients.end(), [](const auto& r) { return r.done; });
  if (complete) {
    log(log::kMain, completed_line(e, selectors()));
    if (!eng_.store) return {};
    return eng_.store->remove(e.id, false);
  }
  if (!deferred_.empty() && !freeze_) {
    std::vector<DelayedRecipient> delayed;
    for (const Addr* a : deferred_) delayed.push_back({a->state.address, a->message});
    (void)maybe_warn(eng_, scope_, msg_, delayed);
  }
  if (freeze_ && !e.frozen) {
    e.frozen = true;
    e.frozen_at = wall_seconds();
    log(log::kMain, freeze_failed_bounce ? "Frozen (delivery error message)" : "Frozen");
  }
  if (next_attempt_ == 0) next_attempt_ = wall_seconds() + kFallbackRetry;
  if (!eng_.store) return {};
  return eng_.store->update(e, next_attempt_);
}

Status Attempt::run() {
  scope_ = message_scope(eng_, msg_);
  if (still_frozen()) return {};
  route_all();
  if (!routed_.empty()) deliver_batches();
  return finish();
}

Status deliver_message(Engine& eng, const std::string& id, const DeliverOptions& opt) {
  REMEX_TRY(auto claim, eng.store->claim(id));
  if (!claim) return {};  // somebody else is at it
  auto msg = eng.store->load(id);
  if (!msg) {
    if (msg.error().kind == ErrorKind::not_found) return {};
    eng.log->write(log::kMain | log::kPanic, id, fmt::format("message cannot be loaded: {}", msg.error().text));
    return std::unexpected(msg.error());
  }
  return Attempt(eng, std::move(*msg), opt).run();
}

Status deliver_fresh(Engine& eng, store::StoredMessage msg, const DeliverOptions& opt) {
  REMEX_TRY(auto claim, eng.store->claim(msg.envelope.id));
  if (!claim) return {};
  return Attempt(eng, std::move(msg), opt).run();
}

Status run_queue(Engine& eng, const DeliverOptions& opt, int parallel) {
  const std::int64_t now = opt.force || opt.force_frozen ? std::int64_t{1} << 40 : wall_seconds();
  io::Semaphore slots(static_cast<std::size_t>(std::max(1, parallel)));
  io::Nursery nursery;
  std::set<std::string> tried;
  // Every message is tried at most once in a run, however often it becomes due.
  for (;;) {
    REMEX_TRY(auto ids, eng.store->due(now, 1000 + tried.size(), opt.force_frozen, ""));
    bool any = false;
    for (const std::string& id : ids) {
      if (!tried.insert(id).second) continue;
      any = true;
      REMEX_CHECK(slots.acquire());
      nursery.spawn("queued delivery", [&eng, &opt, &slots, id] {
        (void)deliver_message(eng, id, opt);
        slots.release();
      });
    }
    if (!any) break;
  }
  return nursery.join();
}

}  // namespace remex::delivery
