// Groups of addresses to transports, and what became of each; see attempt.h.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>

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
  for (const auto& h : a.hosts) key += fmt::format("\nh{} {} {}", h.name, h.ip, h.port);
  for (const auto& h : a.fallback_hosts) key += fmt::format("\nf{} {} {}", h.name, h.ip, h.port);
  return key;
}

constexpr int kRetryNotReached = -53;

/// The number in "defer (N)": an errno, or Exim's number for the kind of trouble, which log readers know.
int defer_number(const transports::AddrResult& r) {
  if (r.sys_errno != 0) return r.sys_errno;
  if (r.message.starts_with("retry time not reached for any host for")) return -54;
  if (r.wait_until > 0 || r.message.starts_with("retry time not reached")) return kRetryNotReached;
  const std::string_view e = r.retry_error;
  if (e.starts_with("rcpt_")) return -44;
  if (e.starts_with("mail_")) return -45;
  if (e.starts_with("data_")) return -46;
  if (e.starts_with("quota")) return -22;
  if (e == "lost_connection") return -18;
  if (e == "tls_required") return -38;
  if (e == "auth_failed") return -42;
  if (r.message.starts_with("Malformed SMTP reply")) return -19;
  if (r.smtp_code != 0) return 0;
  if (r.message.starts_with("Child process of ")) return 0;
  return -1;
}

/// The local part as a mailbox is named: without what a router took for prefix and suffix.
std::string local_part_of(const Addr& a) {
  std::string_view local = a.state.cased_local_part;
  const std::string &prefix = a.state.prefix, &suffix = a.state.suffix;
  if (!prefix.empty() && istarts_with(local, prefix)) local.remove_prefix(prefix.size());
  if (!suffix.empty() && iends_with(local, suffix)) local.remove_suffix(suffix.size());
  return std::string(local);
}

/// Some troubles are told with the address alone.
bool has_own_line(const transports::HostResult& h) {
  return h.error != "auth_failed" && !h.message.starts_with("SMTP timeout after RCPT TO:");
}

/// What the log says of a host: the words of a server stand behind a colon, those of the system do not.
std::string host_line(const std::string& name, const std::string& ip, const std::string& port,
                      const std::string& message) {
  static constexpr std::string_view kServer[] = {"SMTP ", "Remote host", "LMTP ", "TLS ", "a TLS ", "Malformed "};
  const bool server = std::any_of(std::begin(kServer), std::end(kServer),
                                  [&](std::string_view begin) { return message.starts_with(begin); });
  return fmt::format("H={} [{}]{}{} {}{}", name, ip, port, server ? ":" : "", message,
                     message.starts_with("SMTP timeout ") ? ": Connection timed out" : "");
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
  const lang::Expansion& option = transports::generic(*g.transport).max_parallel;
  std::optional<std::int64_t> limit = 0;
  if (option.is_set()) {
    const auto value = option.eval(scope);
    if (value)
      limit = value->empty() ? 0 : parse_int(trim(value->view()));
    else if (value.error().kind != ErrorKind::forced_fail)
      limit.reset();
  }
  TransportRun::Turn turn;
  auto run = limit ? TransportRun::begin(g.transport->name, *limit, msg_.envelope.id, turn) : std::nullopt;
  if (run) return run;
  transports::AddrResult r;
  if (!limit) {
    r.message = fmt::format("max_parallel of the {} transport cannot be expanded to a number", g.transport->name);
  } else {
    r.message = fmt::format("waits for its turn: {} run{} of the {} transport {} under way (max_parallel)", *limit,
                            *limit == 1 ? "" : "s", g.transport->name, *limit == 1 ? "is" : "are");
    const auto before = static_cast<std::int64_t>(turn.place) / *limit;
    r.wait_until = now_ + (turn.woken ? std::min(kLongest, kTold * (1 + before)) : kTurn);
    r.waited_before = turn.repeated;
  }
  results.assign(g.addrs.size(), r);
  return run;
}

void Attempt::run_group(Group& g) {
  const auto started = monotonic_now();
  lang::Scope scope = fresh_scope();
  lang::DeliveryState state;
  state.transport_name = g.transport->name;
  Addr& first = *g.addrs.front();
  state.return_path = Text::tainted(first.has_errors_to ? first.errors_to : msg_.envelope.sender);
  if (first.is_pipe) state.address_pipe = first.special;
  if (first.is_file || first.is_directory) state.address_file = first.special;
  scope.delivery = &state;
  scope.address = &first.state;
  Asked asked;
  const auto allowed = [&](const routers::HostItem& h, bool delay, bool by_address) {
    routers::HostItem keyed = h;
    if (!by_address && !h.name.empty()) keyed.ip.clear();
    asked[h.name + "\n" + h.ip] = host_key(keyed);
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
  std::vector<transports::AddrResult> results;
  const auto run = may_run(g, scope, results);
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
  const std::string bug = run ? exception_of(deliver) : std::string();
  if (!bug.empty())
    eng_.log->write(log::kPanic, msg_.envelope.id, fmt::format("{} in the {} transport", bug, g.transport->name));
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(monotonic_now() - started).count();
  if (!mua_wrapper) record_hosts(ctx.host_results, asked, first);
  std::set<int> said;  // transactions: the first address of one gets "=>", the others "->"
  // Told in the order of the transactions: what another host took comes after what the first one said.
  std::vector<std::size_t> order(g.addrs.size());
  std::iota(order.begin(), order.end(), 0U);
  const auto transaction = [&](std::size_t i) { return i < results.size() ? results[i].transaction : 0; };
  std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return transaction(a) < transaction(b); });
  for (const std::size_t i : order) {
    transports::AddrResult r;
    if (i < results.size())
      r = std::move(results[i]);
    else
      r.message =
          !bug.empty() ? bug : fmt::format("the {} transport said nothing about this address", g.transport->name);
    const bool first_of_run = r.fate != transports::Fate::delivered || said.insert(r.transaction).second;
    record_result(g, *g.addrs[i], r, asked, first_of_run, took);
  }
}

void Attempt::record_hosts(const std::vector<transports::HostResult>& hosts, const Asked& asked, const Addr& a) {
  if (!eng_.store) return;
  const std::int64_t now = failed_at();
  for (const auto& h : hosts) {
    const auto known = asked.find(h.name + "\n" + h.ip);
    const std::string key = known != asked.end() ? known->second : host_key(h.name, h.ip, 0);
    if (h.error.empty()) {
      forget_failure(key);
      continue;
    }
    const auto old = eng_.store->get_retry(key);
    const std::string port = eng_.log->on(log::Selector::outgoing_port) ? fmt::format(":{}", h.port) : "";
    const std::string line = host_line(h.name, h.ip, port, h.message);
    if (has_own_line(h)) note(line, line);
    // The host's name is asked first, then the address's domain.
    const auto* rule =
        find_rule(*eng_.config, scope_, "*@" + h.name, "*@" + a.state.domain, h.error, msg_.envelope.sender);
    if (rule == nullptr || rule->steps.empty()) continue;
    store::RetryRecord rec;
    if (old && *old && now - (*old)->last_try < eng_.config->main.retry_data_expire)
      rec = **old;
    else
      rec.first_failed = now;
    rec.key = key;
    rec.error = h.error;
    rec.error_text = h.message;
    const bool before_time = rec.next_try > now_;
    schedule(*rule, *eng_.config, now_, now, rec);
    if (older_than_rule(rule) && !rec.expired && before_time) continue;  // tried early: no one waits longer for that
    (void)eng_.store->put_retry(rec);
  }
}

void Attempt::host_deferral(Addr& a, const std::string& error, const Asked& asked) {
  // The address waits for the first of its hosts; when all of them are past their last cutoff it has waited enough.
  bool known = false, all_expired = true;
  std::int64_t first = 0;
  for (const auto& [host, key] : asked) {
    std::int64_t usable = 0;  // when both of its records let it be tried
    for (const std::string& k : {key, key + ":" + msg_.envelope.id}) {
      auto rec = eng_.store->get_retry(k);
      if (!rec || !*rec) continue;
      known = true;
      all_expired = all_expired && ((*rec)->expired || older_than_rule_for("*@" + host.substr(0, host.find('\n')),
                                                                           "*@" + a.state.domain, (*rec)->error));
      usable = std::max(usable, (*rec)->next_try);
    }
    if (usable > now_) first = first == 0 ? usable : std::min(first, usable);
  }
  if (known && all_expired) {
    a.timed_out = true;
    return;
  }
  if (first == 0) {  // no rule speaks of these hosts, or none of them was what kept the address back
    deferred(a, "T:" + a.unique, a.unique, error.empty() ? "*" : error);
    return;
  }
  next_attempt_ = next_attempt_ == 0 ? first : std::min(next_attempt_, first);
  changed_ = true;
}

namespace {
/// A host's refusal as a retry record keeps it.
std::string said_by(const transports::AddrResult& r) {
  return fmt::format("H={} [{}]: {}", r.host_name, r.host_ip, r.message);
}
}  // namespace

void Attempt::schedule_after(Addr& a, const transports::AddrResult& r, const Asked& asked) {
  using Scope = transports::AddrResult::Scope;
  const std::string error = r.retry_error.empty() ? "*" : r.retry_error;
  if (r.wait_until > 0) {
    next_attempt_ = next_attempt_ == 0 ? r.wait_until : std::min(next_attempt_, r.wait_until);
    changed_ = true;
  } else if (r.freeze) {
    freeze_ = true;
  } else if (r.retry_scope == Scope::host || (r.retry_scope == Scope::none && !asked.empty())) {
    host_deferral(a, error, asked);
  } else if (r.retry_scope == Scope::message && !r.host_ip.empty()) {
    const std::string port = eng_.log->on(log::Selector::outgoing_port) ? fmt::format(":{}", r.host_port) : "";
    const std::string line = host_line(r.host_name, r.host_ip, port, r.message);
    if (said_of_hosts_.insert(line).second) note(line, line);
    const auto known = asked.find(r.host_name + "\n" + r.host_ip);
    const std::string host = known != asked.end() ? known->second : host_key(r.host_name, r.host_ip, 0);
    deferred(a, host + ":" + msg_.envelope.id, "*@" + r.host_name, error, true, said_by(r));
  } else {
    const bool by_user = r.retry_scope == Scope::address || transports::generic(*a.transport).retry_use_local_part;
    deferred(a, r.retry_for_sender ? key_for_sender(a) : "T:" + a.unique, by_user ? a.unique : "*@" + a.state.domain,
             error, false, r.retry_scope == Scope::address && !r.host_ip.empty() ? said_by(r) : std::string());
  }
}

void Attempt::record_result(Group& g, Addr& a, const transports::AddrResult& r, const Asked& asked, bool first_of_run,
                            std::int64_t took_us) {
  using Fate = transports::Fate;
  a.message = r.message;
  if (r.fate != Fate::delivered && !r.host_name.empty()) spoke_with_[&a] = {r.host_name, r.host_ip};
  a.basic_errno = r.fate == Fate::deferred ? defer_number(r) : r.sys_errno;
  a.smtp_reply = r.confirmation;
  a.output = r.output;
  // A bounce tells what a server said, and of troubles here that there are some.
  if (r.smtp_code >= 400)
    a.user_message = r.message;
  else if (r.retry_error.starts_with("quota"))
    a.user_message = "mailbox is full";
  else if (r.local_trouble || (g.def->is_local && r.fate == Fate::deferred))
    a.user_message = kLocalTrouble;
  if (r.smtp_code != 0) a.more_errno = r.smtp_code;
  if (r.unsynced) unsynced_.emplace_back(r.unsynced, &a);
  constexpr std::uint32_t kSuccess = 2;
  const auto& top = recipient_of(a);
  if (r.fate == Fate::delivered && (top.dsn_notify & kSuccess) != 0 && !r.used_dsn)
    successes_.push_back({&a, g.def->is_local ? "delivered" : "relayed", r.host_name});
  a.status = r.fate == Fate::delivered ? Addr::Status::delivered
             : r.fate == Fate::failed  ? Addr::Status::failed
                                       : Addr::Status::deferred;
  if (a.status == Addr::Status::deferred && eng_.store && !mua_wrapper) schedule_after(a, r, asked);
  if (a.status == Addr::Status::delivered && eng_.store) {
    forget_failure("T:" + a.unique);
    if (!g.def->is_local) forget_failure(key_for_sender(a));
  }
  if (a.status == Addr::Status::failed) failures_.push_back(&a);
  if (a.status == Addr::Status::deferred) deferrals_.push_back(&a);
  log_result(g, a, r, first_of_run, took_us);
}

void Attempt::log_result(const Group& g, Addr& a, const transports::AddrResult& r, bool first_of_run,
                         std::int64_t took_us) {
  const auto& sel = eng_.log->selectors();
  auto f = fields(a);
  const bool host_is_named = r.retry_error != "auth_failed";
  f.size = static_cast<std::int64_t>(msg_.envelope.size);
  if (host_is_named) f.host_name = r.host_name;
  if (host_is_named) f.host_ip = r.host_ip;
  f.host_port = r.host_port;
  f.local_ip = r.local_ip;
  f.proxy_ip = r.proxy_ip;
  f.tls_cipher = r.tls_cipher;
  f.tls_verified = r.tls_verified;
  f.tls_dane = r.tls_dane;
  f.tls_peer_dn = r.tls_peer_dn;
  f.chunking = r.used_chunking;
  f.pipelining = r.pipelined;
  f.early = r.early;
  f.prdr = r.used_prdr;
  f.confirmation = r.confirmation;
  f.shadow = r.shadow;
  f.authenticator = r.authenticator;
  f.delivery_us = took_us;
  f.message = a.message;
  f.defer_errno = a.basic_errno;
  std::string line;
  if (a.status == Addr::Status::delivered) {
    // A local delivery names the mailbox and, in brackets, the address it came for.
    if (g.def->is_local && a.special.empty()) {
      if (f.parents.empty()) f.parents.push_back(a.state.address);
      f.address = local_part_of(a);
    }
    changed_ = true;
    if (!transports::generic(*g.transport).disable_logging) {
      line = log::delivered_line(opt_.dry_run ? "*>" : first_of_run || g.addrs.size() == 1 ? "=>" : "->", f, sel);
      note(line, line.substr(3));
    }
    raise_event(a, &r, "msg:delivery", r.confirmation);
    return;
  }
  if (a.status == Addr::Status::failed) {
    changed_ = true;
    raise_event(a, &r, "msg:fail:delivery", r.smtp_code >= 400 ? std::string_view(a.message) : std::string_view());
    line = log::failed_line(f, sel);
  } else {
    const bool hint_only = a.basic_errno == kRetryNotReached || a.basic_errno == -54;
    // Nothing was tried: no event.
    if (!hint_only && !g.def->is_local && r.wait_until == 0) {
      const bool refused = r.retry_scope == transports::AddrResult::Scope::address && r.smtp_code >= 400;
      raise_event(a, &r, refused ? "msg:rcpt:defer" : "msg:defer", a.message, a.basic_errno);
    }
    if (r.waited_before || (hint_only && !eng_.log->on(log::Selector::retry_defer))) return;
    line = log::deferred_line(f, sel);
  }
  note(line, line.substr(3));
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
      a->message = "SMTP delivery is left to a queue run (queue_smtp_domains)";
      a->basic_errno = kRetryNotReached;
      wait_for_run_ = true;
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
  leave_for_queue_run(remote);
  for (Group* g : local) run_group(*g);
  if (remote.empty()) return;
  make_durable();  // what is recorded between the remote runs is on the disk
  const auto limit = static_cast<std::size_t>(std::max<std::int64_t>(1, eng_.config->main.remote_max_parallel));
  if (remote.size() == 1) {
    run_group(*remote.front());
    return;
  }
  // What a far end accepted is written down before the next run ends: after a crash it is not sent again.
  settle_deliveries(all_);
  std::size_t next = 0, left = remote.size();
  io::Nursery nursery;
  for (std::size_t i = 0; i < std::min(limit, remote.size()); ++i) {
    nursery.spawn("deliver " + msg_.envelope.id, [&] {
      while (next < remote.size()) {
        Group* g = remote[next++];
        run_group(*g);
        if (--left == 0 || !eng_.store) continue;
        settle_deliveries(g->addrs);
        owe_success_reports();
        (void)eng_.store->update(msg_.envelope, now_);
      }
    });
  }
  (void)nursery.join();
}

}  // namespace remex::delivery
