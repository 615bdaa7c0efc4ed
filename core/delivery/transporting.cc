// Groups of addresses to transports, and what became of each; see attempt.h.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/delivery/retry.h"
#include "core/io/activity.h"
#include "core/io/fiber.h"
#include "lang/list.h"
#include "transports/batching.h"
#include "transports/internal.h"

namespace remex::delivery {
namespace {

/// Two addresses may share a run when everything that shapes it is equal.
std::string group_key(const Addr& a, const transports::TransportDef& def) {
  if (def.hands_on_envelope) return fmt::format("{}\n{}\n{}", a.transport->name, a.user, a.group);
  std::string key = fmt::format("{}\n{}{}\n{}\n{}\n{}\n{}\n{}{}\n{}", a.transport->name, a.has_errors_to ? 1 : 0,
                                a.errors_to, a.headers_add, join(a.headers_remove, ":"), a.user, a.group,
                                a.home_directory.is_tainted() ? 1 : 0, a.home_directory.view(), a.current_directory);
  key += "\nhosts" + routers::hosts_key(a.hosts);
  for (const auto& h : a.fallback_hosts) key += fmt::format("\nf{} {} {} {}", h.place, h.name, h.ip, h.port);
  return key;
}

/// A run of a local transport, for DeliverOptions::local_runs.
class LocalRun {
 public:
  explicit LocalRun(std::shared_ptr<int> runs) : runs_(std::move(runs)) {
    if (runs_) ++*runs_;
  }
  ~LocalRun() {
    if (runs_) --*runs_;
  }
  LocalRun(const LocalRun&) = delete;
  LocalRun& operator=(const LocalRun&) = delete;

 private:
  std::shared_ptr<int> runs_;
};

constexpr std::size_t kRunMax = 1000;  ///< addresses in one run of a transport without a limit of its own

}  // namespace

bool Attempt::add_batch_value(Addr& a, const transports::TransportDef& def, std::string& key) {
  const lang::Expansion* id = transports::batch_option(*a.transport, def);
  if (id == nullptr) return true;
  if (!a.home_directory.empty()) {
    a.state.home = a.home_directory.str();
    a.state.home_tainted = a.home_directory.is_tainted();
  }
  lang::Scope scope = fresh_scope();
  lang::DeliveryState state;
  state.transport_name = a.transport->name;
  state.return_path = Text::tainted(a.has_errors_to ? a.errors_to : msg_.envelope.sender);
  scope.delivery = &state;
  scope.address = &a.state;
  auto value = id->eval(scope);
  if (value) {
    key += "\n" + value->str();
    return true;
  }
  eng_.log->write(log::kMain | log::kPanic, msg_.envelope.id,
                  fmt::format("Failed to expand {} option in {} transport ({}): {}", def.batch_by, a.transport->name,
                              a.state.address, printable(value.error().text)));
  return false;
}

std::vector<Group> Attempt::make_groups() {
  std::vector<Group> groups;
  std::map<std::string, std::size_t> open;  // key → group that still has room
  std::vector<Addr*> routed;
  for (auto it = all_.rbegin(); it != all_.rend(); ++it)  // the last routed is the first delivered
    if ((*it)->status == Addr::Status::routed) routed.push_back(*it);
  sort_by_domain(routed);
  for (Addr* a : routed) {
    const auto* def = a->transport != nullptr ? transports::find_transport_def(a->transport->def) : nullptr;
    if (def == nullptr || def->deliver == nullptr) {
      a->status = Addr::Status::deferred;
      a->message = a->transport == nullptr
                       ? "no transport was set for this address"
                       : fmt::format("the driver of the {} transport cannot deliver", a->transport->name);
      a->basic_errno = -1;
      log_routing(*a);
      continue;
    }
    // Every way in refuses it; a command of SMTP would end there.
    if (a->special.empty() && has_control(a->state.address)) {
      a->status = Addr::Status::failed;
      a->message = "control character in address";
      log_routing(*a);
      continue;
    }
    const int limit = def->batch_limit != nullptr ? def->batch_limit(*a->transport) : 1;
    const std::size_t unlimited = def->hands_on_envelope ? std::numeric_limits<std::size_t>::max() : kRunMax;
    const std::size_t room = limit <= 0 ? unlimited : static_cast<std::size_t>(limit);
    std::string key = room > 1 ? group_key(*a, *def) : std::string();
    if (room > 1 && add_batch_value(*a, *def, key)) {
      if (const auto it = open.find(key); it != open.end() && groups[it->second].addrs.size() < room) {
        groups[it->second].addrs.push_back(a);
        continue;
      }
      open[key] = groups.size();
    }
    groups.push_back({a->transport, def, {a}});
  }
  return groups;
}

transports::HostGate Attempt::host_gate(const routers::HostItem& h, const Addr& a, bool delay) {
  using Gate = transports::HostGate;
  if (!eng_.store || opt_.force || mua_wrapper) return Gate::open;
  bool expired = false;
  for (const std::string& key : {host_key(h), host_key(h) + ":" + msg_.envelope.id}) {
    const auto rec = eng_.store->get_retry(key);
    if (!rec || !*rec) continue;
    const store::RetryRecord& r = **rec;
    if (now_ - r.last_try >= eng_.config->main.retry_data_expire) continue;
    expired = expired || r.expired;
    if (r.next_try <= now_ || older_than_rule_for("*@" + h.name, "*@" + a.state.domain, r.error)) continue;
    if (!r.expired) return Gate::wait;
    const std::int64_t arrived = now_ - age_us() / 1000000;
    if (delay || r.last_try > arrived) return Gate::given_up;
  }
  return expired ? Gate::expired : Gate::open;
}

std::optional<TransportRun> Attempt::may_run(const Group& g, lang::Scope& scope,
                                             std::vector<transports::AddrResult>& results) {
  // Seconds until an address that found no place is tried again: nobody tells it, or in case nobody did.
  constexpr std::int64_t kTurn = 5, kTold = 30, kLongest = 600;
  if (refused_ && !write_down()) {
    transports::AddrResult r;
    r.message = "waits: the spool does not take the record of what was delivered before";
    r.wait_until = wall_seconds() + kTold;
    results.assign(g.addrs.size(), r);
    return {};
  }
  const lang::Expansion& option = transports::generic(*g.transport).max_parallel;
  std::int64_t limit = 0;
  std::string why;
  if (option.is_set()) {
    const auto value = option.eval(scope);
    const auto number = value ? transports::parse_limit(value->view()) : std::unexpected(value.error());
    limit = number.value_or(0);
    if (!number) why = printable(number.error().text);
  }
  TransportRun::Turn turn;
  auto run = why.empty() ? TransportRun::begin(g.transport->name, limit, msg_.envelope.id, turn) : std::nullopt;
  if (run) return run;
  transports::AddrResult r;
  if (!why.empty()) {
    eng_.log->write(log::kMain | log::kPanic, msg_.envelope.id,
                    fmt::format("Failed to expand max_parallel option in {} transport ({}): {}", g.transport->name,
                                g.addrs.front()->state.address, why));
    r.message = why;
    r.trouble = transports::Trouble::Kind::configuration;
    r.sys_errno = -1;
  } else {
    r.message = fmt::format("waits for its turn: {} run{} of the {} transport {} under way (max_parallel)", limit,
                            limit == 1 ? "" : "s", g.transport->name, limit == 1 ? "is" : "are");
    const auto before = static_cast<std::int64_t>(turn.place) / limit;
    r.wait_until = now_ + (turn.woken ? std::min(kLongest, kTold * (1 + before)) : kTurn);
    r.waited_before = turn.repeated;
  }
  results.assign(g.addrs.size(), r);
  return run;
}

void Attempt::run_group(Group& g) {
  Run run{g, {}, monotonic_now(), std::vector<bool>(g.addrs.size()), {}, 0};
  lang::Scope scope = fresh_scope();
  lang::DeliveryState state;
  state.transport_name = g.transport->name;
  Addr& first = *g.addrs.front();
  state.return_path = Text::tainted(first.has_errors_to ? first.errors_to : msg_.envelope.sender);
  if (first.is_pipe) state.address_pipe = first.special;
  if (first.is_file || first.is_directory) state.address_file = first.special;
  scope.delivery = &state;
  scope.address = &first.state;
  const auto allowed = [&](const routers::HostItem& h, bool delay, bool by_address) {
    routers::HostItem keyed = h;
    if (!by_address && !h.name.empty()) keyed.ip.clear();
    run.asked[place_of(h.name, h.ip, h.port)] = host_key(keyed);
    return host_gate(keyed, first, delay);
  };
  transports::DeliverContext ctx{*eng_.config,
                                 scope,
                                 job_,
                                 allowed,
                                 {},
                                 mua_wrapper,
                                 mua_wrapper ? nullptr : eng_.pool.get(),
                                 mua_wrapper || !eng_.store ? nullptr : eng_.limits.get(),
                                 eng_.settler && eng_.store && !mua_wrapper,
                                 can_wait,
                                 [&] { return envelope_of_copy(g.addrs); }};
  if (eng_.store && !mua_wrapper)
    ctx.settle = [&](const std::vector<transports::AddrResult>& so_far) {
      return settle_run(run, ctx.host_results, so_far);
    };
  if (ctx.pool != nullptr && eng_.store && !g.def->is_local) {
    g.outcome = std::make_shared<transports::Outcome>(transports::Outcome{msg_.envelope.id});
    outcomes_.push_back(g.outcome);
    ctx.outcome = g.outcome;
    ctx.await_outcome = [this](const transports::Outcome& o) { return eng_.store->await_removal(o.message); };
  }
  std::vector<transports::AddrResult> results;
  const auto place = may_run(g, scope, results);
  const io::Activity activity([&] {
    return fmt::format("delivering {} with transport {} ({}{})", msg_.envelope.id, g.transport->name,
                       g.addrs.front()->state.address, g.addrs.size() > 1 ? ", ..." : "");
  });
  const auto deliver = [&] {
    if (!opt_.dry_run) {
      const LocalRun counted(g.def->is_local ? opt_.local_runs : nullptr);
      results = g.def->deliver(ctx, *g.transport, g.addrs);
      return;
    }
    results.resize(g.addrs.size());
    for (auto& r : results) r.fate = transports::Fate::delivered;
  };
  const std::string bug = place ? exception_of(deliver) : std::string();
  if (!bug.empty())
    eng_.log->write(log::kPanic, msg_.envelope.id, fmt::format("{} in the {} transport", bug, g.transport->name));
  while (results.size() < g.addrs.size())
    results.emplace_back().message =
        !bug.empty() ? bug : fmt::format("the {} transport said nothing about this address", g.transport->name);
  if (!mua_wrapper) tell_of_hosts(run, ctx.host_results);
  if (!mua_wrapper) record_hosts(ctx.host_results, run.asked, first);
  std::vector<std::size_t> rest;
  for (std::size_t i = 0; i < g.addrs.size(); ++i)
    if (!run.recorded[i]) rest.push_back(i);
  record_results(run, std::move(rest), results);
}

void Attempt::leave_for_queue_run(std::vector<Group*>& remote) {
  const auto& m = eng_.config->main;
  if (!opt_.first_attempt || opt_.force || remote.empty()) return;
  const bool all =
      opt_.queue_smtp || std::any_of(m.queue_only_file.begin(), m.queue_only_file.end(), [](const std::string& f) {
        return f.starts_with("smtp/") && ::access(f.c_str() + 4, F_OK) == 0;
      });
  if (!all && !m.queue_smtp_domains.is_set()) return;
  for (Group* g : remote) {
    std::erase_if(g->addrs, [&](Addr* a) {
      bool wait = all;
      if (!wait) {
        auto r = m.queue_smtp_domains.match(scope_, Text::tainted(a->state.domain));
        wait = r && r->matched;
      }
      if (!wait) return false;
      a->status = Addr::Status::deferred;
      a->message = "first-pass only routing due to -odqs, queue_smtp_domains or control=queue";
      a->basic_errno = -1;
      wait_for_run_ = true;
      auto f = fields(*a);
      f.message = a->message;
      f.defer_errno = a->basic_errno;
      note(log::deferred_line(f, eng_.log->selectors()), {});
      return true;
    });
  }
  std::erase_if(remote, [](const Group* g) { return g->addrs.empty(); });
}

void Attempt::sort_by_domain(std::vector<Addr*>& addresses) {
  const auto& list = eng_.config->main.remote_sort_domains;
  if (!list.is_set() || addresses.size() < 2) return;
  const auto items = lang::split_list(list.source_text());
  const auto rank = [&](const Addr* a) {
    for (std::size_t i = 0; i < items.size(); ++i)
      if (auto r = lang::match_list_text(scope_, lang::ListKind::domain, Text(lang::join_list({items[i]})),
                                         Text::tainted(a->state.domain));
          r && r->matched)
        return i;
    return items.size();
  };
  std::vector<std::pair<std::size_t, Addr*>> ranked;
  ranked.reserve(addresses.size());
  for (Addr* a : addresses) ranked.emplace_back(rank(a), a);
  std::stable_sort(ranked.begin(), ranked.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (std::size_t i = 0; i < addresses.size(); ++i) addresses[i] = ranked[i].second;
}

/// What must wait by the hints of an earlier attempt. Only a run that looks at all messages meets such addresses.
void Attempt::wait_for_retry_time() {
  if (!eng_.store || opt_.force || opt_.first_attempt || mua_wrapper) return;
  for (Addr* a : all_) {
    if (a->status != Addr::Status::routed) continue;
    const auto* def = transports::find_transport_def(a->transport->def);
    const bool local = def != nullptr && def->is_local;
    auto rec = hint_against("T:" + a->unique, a->unique);
    if (!rec && !local) rec = hint_against(key_for_sender(*a), a->unique);
    if (!rec) continue;
    a->status = Addr::Status::deferred;
    a->user_message = rec->told;
    deferrals_.push_back(a);
    next_attempt_ = next_attempt_ == 0 ? rec->next_try : std::min(next_attempt_, rec->next_try);
    if (!eng_.log->on(log::Selector::retry_defer)) continue;
    auto f = fields(*a);
    f.defer_errno = kRetryNotReached;
    f.message = "Retry time not yet reached";
    note(local ? log::deferred_line(f, eng_.log->selectors())
               : fmt::format("== {} routing defer (-52): retry time not reached", a->state.address),
         {});
  }
}

void Attempt::transport_all() {
  wait_for_retry_time();
  auto groups = make_groups();
  std::vector<Group*> local, remote;
  for (Group& g : groups) (g.def->is_local ? local : remote).push_back(&g);
  if (opt_.local_only) {
    for (Group* g : remote)
      for (Addr* a : g->addrs) {
        a->status = Addr::Status::deferred;
        a->message = "remote delivery is not wanted in this run";
      }
    remote.clear();
    wait_for_run_ = true;
  }
  // A delivery that a crash would repeat is on the disk before another run begins, which may be a long one. A single
  // local run, and any number of them that find again what they have delivered (maildirs), cost no sync of their own.
  bool owed = false;
  for (Group* g : local) {
    if (std::exchange(owed, false)) record_so_far();
    run_group(*g);
    owed = g->repeats;
  }
  leave_for_queue_run(remote);
  if (remote.empty()) return;
  record_so_far();
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(1, eng_.config->main.remote_max_parallel));
  if (remote.size() == 1) {
    run_group(*remote.front());
    return;
  }
  std::size_t next = 0, left = remote.size();
  io::Nursery nursery;
  for (std::size_t i = 0; i < std::min(limit, remote.size()); ++i) {
    nursery.spawn("deliver " + msg_.envelope.id, [&] {
      while (next < remote.size()) {
        Group* g = remote[next++];
        run_group(*g);
        // What a far end accepted is written down before the next run ends: after a crash it is not sent again.
        if (--left == 0 || !eng_.store) continue;
        settle_deliveries(g->addrs);
        if (write_down() && g->outcome) g->outcome->recorded = true;
      }
    });
  }
  (void)nursery.join();
}

}  // namespace remex::delivery
