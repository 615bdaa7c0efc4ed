// What came of a run of a transport, for the log, the events and the retry records; see attempt.h.
#include <fmt/format.h>

#include <algorithm>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/delivery/retry.h"
#include "core/io/fiber.h"

namespace remex::delivery {
namespace {

using Kind = transports::Trouble::Kind;

constexpr int kHostsNotReached = -54;

/// The number in "defer (N)": an errno, or Exim's number for the kind of trouble, which log readers know.
int defer_number(const transports::AddrResult& r) {
  if (r.sys_errno != 0 || r.trouble.kind == Kind::configuration) return r.sys_errno;
  if (r.trouble.kind == Kind::hosts_not_due) return kHostsNotReached;
  if (r.wait_until > 0) return kRetryNotReached;
  const int other = r.smtp_code != 0 ? 0 : -1;
  switch (r.trouble.kind) {
    case Kind::rcpt: return r.trouble.is_temporary_reply() ? -44 : other;
    case Kind::mail: return r.trouble.is_temporary_reply() ? -45 : other;
    case Kind::data: return r.trouble.is_temporary_reply() ? -46 : other;
    case Kind::quota: return -22;
    case Kind::closed:
    case Kind::broken: return -18;
    case Kind::tls_required: return -38;
    case Kind::login: return -42;
    case Kind::helo: return -27;
    case Kind::malformed_reply: return -19;
    case Kind::command: return 0;
    default: return other;
  }
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
  return h.trouble.kind != Kind::login && h.trouble.kind != Kind::rcpt_timeout;
}

/// What the log says of a host: the words of a server stand behind a colon, those of the system do not.
std::string host_line(const std::string& name, const std::string& ip, const std::string& port,
                      const std::string& message, const transports::Trouble& trouble) {
  return fmt::format("H={} [{}]{}{} {}{}", name, ip, port, trouble.in_session ? ":" : "", message,
                     trouble.is_timeout() ? ": Connection timed out" : "");
}

}  // namespace

bool cut_short() {
  const Status st = io::check_interrupt();
  return !st && st.error().kind == ErrorKind::cancelled;
}

void Attempt::tell_of_hosts(Run& run, const std::vector<transports::HostResult>& hosts) {
  if (!eng_.store) return;
  for (; run.hosts_told < hosts.size(); ++run.hosts_told) {
    const auto& h = hosts[run.hosts_told];
    if (h.trouble.kind == Kind::none || !has_own_line(h)) continue;
    const std::string port = eng_.log->on(log::Selector::outgoing_port) ? fmt::format(":{}", h.port) : "";
    const std::string line = host_line(h.name, h.ip, port, h.message, h.trouble);
    note(line, line);
  }
}

std::string Attempt::key_of(const Asked& asked, const std::string& name, const std::string& ip, int port) {
  const auto known = asked.find(place_of(name, ip, port));
  return known != asked.end() ? known->second : host_key(name, ip, port);
}

void Attempt::record_hosts(const std::vector<transports::HostResult>& hosts, const Asked& asked, const Addr& a) {
  if (!eng_.store || cut_short()) return;
  const std::int64_t now = failed_at();
  for (const auto& h : hosts) {
    const std::string key = key_of(asked, h.name, h.ip, h.port);
    if (h.trouble.kind == Kind::none) {
      forget_failure(key);
      continue;
    }
    const auto old = eng_.store->get_retry(key);
    std::string error = h.trouble.retry_error();
    if (error.empty()) error = "error";  // only rules for all errors fit
    // The host's name is asked first, then the address's domain.
    const auto* rule =
        find_rule(*eng_.config, scope_, "*@" + h.name, "*@" + a.state.domain, error, msg_.envelope.sender);
    if (rule == nullptr || rule->steps.empty()) continue;
    store::RetryRecord rec;
    if (old && *old && now - (*old)->last_try < eng_.config->main.retry_data_expire)
      rec = **old;
    else
      rec.first_failed = now;
    rec.key = key;
    rec.error = error;
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
}

namespace {
/// A host's refusal as a retry record keeps it.
std::string said_by(const transports::AddrResult& r) {
  if (r.trouble.is_timeout()) return "Connection timed out";
  return fmt::format("H={} [{}]: {}", r.host_name, r.host_ip, r.message);
}
}  // namespace

void Attempt::schedule_after(Addr& a, const transports::AddrResult& r, const Asked& asked) {
  using Scope = transports::AddrResult::Scope;
  std::string error = r.trouble.retry_error();
  if (error.empty()) error.assign(1, '*');
  if (cut_short()) {
    next_attempt_ = now_;
  } else if (r.wait_until > 0) {
    next_attempt_ = next_attempt_ == 0 ? r.wait_until : std::min(next_attempt_, r.wait_until);
  } else if (r.freeze) {
    freeze_for(a, r.message);
  } else if (r.retry_scope == Scope::none && r.trouble.kind == Kind::rcpt_timeout) {
    next_attempt_ = now_;  // another recipient got no answer: this one was not asked, or not told
  } else if (r.retry_scope == Scope::host || (r.retry_scope == Scope::none && !asked.empty())) {
    host_deferral(a, error, asked);
  } else if (r.retry_scope == Scope::message && !r.host_ip.empty()) {
    const std::string port = eng_.log->on(log::Selector::outgoing_port) ? fmt::format(":{}", r.host_port) : "";
    const std::string line = host_line(r.host_name, r.host_ip, port, r.message, r.trouble);
    if (said_of_hosts_.insert(line).second) note(line, line);
    const std::string host = key_of(asked, r.host_name, r.host_ip, r.host_port);
    deferred(a, host + ":" + msg_.envelope.id, "*@" + r.host_name, error, true, said_by(r));
  } else {
    const bool by_user = r.retry_scope == Scope::address || transports::generic(*a.transport).retry_use_local_part;
    deferred(a, r.retry_for_sender ? key_for_sender(a) : "T:" + a.unique, by_user ? a.unique : "*@" + a.state.domain,
             error, false, r.retry_scope == Scope::address && !r.host_ip.empty() ? said_by(r) : std::string());
  }
}

void Attempt::record_results(Run& run, std::vector<std::size_t> which,
                             const std::vector<transports::AddrResult>& results) {
  // Told in the order of the transactions: what another host took comes after what the first one said.
  std::stable_sort(which.begin(), which.end(),
                   [&](auto a, auto b) { return results[a].transaction < results[b].transaction; });
  for (const std::size_t i : which) {
    record_result(run, *run.group.addrs[i], results[i]);
    run.recorded[i] = true;
  }
}

Status Attempt::settle_run(Run& run, const std::vector<transports::HostResult>& hosts,
                           const std::vector<transports::AddrResult>& so_far) {
  using Fate = transports::Fate;
  std::vector<std::size_t> which;
  std::vector<Addr*> tried;
  bool delivered = settled_.size() > written_;
  for (std::size_t i = 0; i < so_far.size() && i < run.recorded.size(); ++i) {
    if (run.recorded[i] || so_far[i].fate == Fate::deferred) continue;
    which.push_back(i);
    tried.push_back(run.group.addrs[i]);
    delivered = delivered || so_far[i].fate == Fate::delivered;
  }
  if (!delivered) return {};
  tell_of_hosts(run, hosts);
  record_results(run, std::move(which), so_far);
  settle_deliveries(tried);
  return write_down();
}

Status Attempt::write_down() {
  const std::size_t settled = settled_.size();
  if (settled == written_) return {};
  owe_success_reports();
  Status st = eng_.store->update(msg_.envelope, now_);
  if (st) written_ = std::max(written_, settled);
  if (!st && !refused_)
    eng_.log->write(
        log::kMain | log::kPanic, msg_.envelope.id,
        fmt::format("what was delivered so far cannot be recorded, so the other recipients wait: {}", st.error().text));
  refused_ = !st;
  return st;
}

void Attempt::record_so_far() {
  make_durable();
  settle_deliveries(all_);
  if (eng_.store) (void)write_down();
}

void Attempt::record_result(Run& run, Addr& a, const transports::AddrResult& r) {
  using Fate = transports::Fate;
  const Group& g = run.group;
  a.message = r.message;
  if (r.fate != Fate::delivered) troubles_[&a] = {r.trouble, r.host_name, r.host_ip};
  a.basic_errno = r.fate == Fate::deferred ? defer_number(r) : r.sys_errno;
  a.smtp_reply = r.confirmation;
  a.output = r.output;
  // A bounce tells what a server said, and of troubles here that there are some.
  if (r.smtp_code >= 400)
    a.user_message = r.message;
  else if (r.trouble.kind == Kind::quota)
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
  if (a.status == Addr::Status::deferred && eng_.store && !mua_wrapper) schedule_after(a, r, run.asked);
  if (a.status == Addr::Status::delivered && !r.found_again) run.group.repeats = true;
  if (a.status == Addr::Status::delivered && eng_.store) {
    forget_failure("T:" + a.unique);
    if (!g.def->is_local) forget_failure(key_for_sender(a));
  }
  if (a.status == Addr::Status::failed) failures_.push_back(&a);
  if (a.status == Addr::Status::deferred) deferrals_.push_back(&a);
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(monotonic_now() - run.started).count();
  const bool first_of_run = r.fate != Fate::delivered || run.transactions.insert(r.transaction).second;
  log_result(g, a, r, first_of_run, took);
}

void Attempt::log_result(const Group& g, Addr& a, const transports::AddrResult& r, bool first_of_run,
                         std::int64_t took_us) {
  const auto& sel = eng_.log->selectors();
  auto f = fields(a);
  const bool host_is_named = r.trouble.kind != Kind::login && r.trouble.kind != Kind::helo;
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
    // A server was told the address as it is without its affixes.
    if (!g.def->is_local && !transports::generic(*g.transport).rcpt_include_affixes &&
        !(a.state.prefix + a.state.suffix).empty()) {
      if (f.parents.empty()) f.parents.push_back(f.address);
      f.address = local_part_of(a) + "@" + a.state.domain;
    }
    // A local delivery names the mailbox and, in brackets, the address it came for.
    if (g.def->is_local && a.special.empty()) {
      if (f.parents.empty()) f.parents.push_back(a.state.address);
      f.address = local_part_of(a);
    }
    if (!transports::generic(*g.transport).disable_logging) {
      line = log::delivered_line(opt_.dry_run ? "*>" : first_of_run || g.addrs.size() == 1 ? "=>" : "->", f, sel);
      note(line, line.substr(3));
    }
    raise_event(a, &r, "msg:delivery", r.confirmation);
    return;
  }
  if (a.status == Addr::Status::failed) {
    raise_event(a, &r, "msg:fail:delivery", r.smtp_code >= 400 ? std::string_view(a.message) : std::string_view());
    line = log::failed_line(f, sel);
  } else {
    const bool hint_only = a.basic_errno == kRetryNotReached || a.basic_errno == kHostsNotReached;
    // Nothing was tried: no event.
    if (!hint_only && !g.def->is_local && r.wait_until == 0) {
      const bool refused = r.retry_scope == transports::AddrResult::Scope::address && r.smtp_code >= 400;
      raise_event(a, &r, refused ? "msg:rcpt:defer" : "msg:defer", a.message, a.basic_errno);
    }
    if (r.waited_before || (hint_only && !eng_.log->on(log::Selector::retry_defer))) return;
    line = log::deferred_line(f, sel);
  }
  note(line, line.substr(3), r.trouble.kind == Kind::configuration);
}

}  // namespace remex::delivery
