// The way of one delivery over SMTP; see deliver_by_smtp in smtp_options_util.h.
//
// Hosts are tried in order until every address has an answer: 5xx fails an address, 4xx and trouble with a connection
// move on to the next host. What then remains is deferred with the last trouble and its retry-rule word. An idle
// connection from the pool is used when there is one.
#include "transports/smtp_delivery_util.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <numeric>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "core/io/activity.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "transports/callout.h"
#include "transports/connection_pool.h"

namespace remex::transports {
namespace {

/// The body without stray CRs, so that what is signed is what goes out. Nearly always the body itself.
Result<std::shared_ptr<const mail::Body>> clean_body(const std::shared_ptr<const mail::Body>& body) {
  bool dirty = false;
  REMEX_CHECK(body->for_each([&](std::string_view s) -> Status {
    dirty = dirty || s.find('\r') != std::string_view::npos;
    return {};
  }));
  if (!dirty) return body;
  std::string text;
  bool pending = false;
  REMEX_CHECK(body->for_each([&](std::string_view s) -> Status {
    for (const char c : s) {
      if (pending && c != '\n') text += ' ';
      pending = c == '\r';
      if (!pending) text += c;
    }
    return {};
  }));
  return mail::Body::from_string(std::move(text));
}

/// A system call failed for what this system has too little of: descriptors, memory. No host is to blame.
bool is_lack_of_resources(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

}  // namespace

Result<std::string> SmtpDelivery::expand(const lang::Expansion& e, std::string_view what, std::string fallback) {
  if (!e.is_set()) return fallback;
  auto text = e.eval(ctx_.scope);
  if (text) return std::string(trim(text->view()));
  if (text.error().kind == ErrorKind::forced_fail) return fallback;
  return defer(fmt::format("failed to expand \"{}\" in {} transport: {}", what, t_.name, text.error().text));
}

Result<bool> SmtpDelivery::in_list(const lang::MatchList& list, const routers::HostItem& h, bool when_unset) {
  if (!list.is_set()) return when_unset;
  auto m = list.match_host(ctx_.scope, h.ip, h.name);
  if (m) return m->matched;
  if (m.error().kind == ErrorKind::forced_fail) return false;
  return defer(fmt::format("{} transport: host list: {}", t_.name, m.error().text));
}

Status SmtpDelivery::filter(std::string& headers, bool body_only) {
  // A signature covers what is sent: the filter comes first.
  REMEX_TRY(const Identity id, find_identity(ctx_, t_, *batch_.front()));
  MessageText m;
  m.head = body_only ? std::string() : headers + "\n";
  m.body = body_;
  REMEX_CHECK(apply_filter(ctx_, t_, id, batch_, m));
  body_ = m.body;
  headers = m.head.ends_with("\n\n") ? m.head.substr(0, m.head.size() - 1) : m.head == "\n" ? "" : m.head;
  return {};
}

Status SmtpDelivery::prepare() {
  const mail::Envelope& env = ctx_.job.envelope;
  REMEX_CHECK(check_size_limit(ctx_, t_, env.size));
  if (o_.message_linelength_limit > 0 && env.max_line > static_cast<std::uint64_t>(o_.message_linelength_limit))
    return fail(fmt::format("message has lines too long for transport (received: {}, max: {})", env.max_line,
                            o_.message_linelength_limit));
  REMEX_TRY(sender_, return_path(ctx_, t_, *batch_.front()));
  REMEX_TRY(const bool body_only, expand_bool(ctx_, t_, generic(t_).body_only, "body_only"));
  REMEX_TRY(const bool headers_only, expand_bool(ctx_, t_, generic(t_).headers_only, "headers_only"));
  body_ = headers_only || !ctx_.job.body ? mail::Body::from_string({}) : ctx_.job.body;
  std::string headers;
  if (!body_only) {
    REMEX_TRY(headers, build_headers(ctx_, t_, batch_));
  }
  if (generic(t_).transport_filter.is_set()) REMEX_CHECK(filter(headers, body_only));
  if (o_.dkim_domain.is_set()) {
    REMEX_TRY(body_, clean_body(body_));
  }
  if (body_only) return {};
  REMEX_TRY(std::string signatures, sign_message(ctx_, t_, headers, *body_));
  head_ = std::move(signatures) + headers + "\n";
  return {};
}

Result<std::vector<routers::HostItem>> SmtpDelivery::host_list() {
  const routers::Addr& first = *batch_.front();
  if (!first.hosts.empty() && !(o_.hosts_override && o_.hosts.is_set())) {
    std::vector<routers::HostItem> items = first.hosts;
    const bool from_mx = std::ranges::any_of(items, [](const routers::HostItem& h) { return h.mx >= 0; });
    if (from_mx || first.hosts_randomized) return resolve_items(ctx_, o_, items, false);
    REMEX_TRY(const bool shuffle, expand_bool(ctx_, t_, o_.hosts_randomize, "hosts_randomize"));
    for (routers::HostItem& h : items) h.place = 0;
    if (shuffle) shuffle_places(items);
    return resolve_items(ctx_, o_, items, false);
  }
  if (!o_.hosts.is_set()) return misconfigured(fmt::format("{} transport called with no hosts set", t_.name));
  REMEX_TRY(const std::string list,
            expand_text(ctx_, o_.hosts, {.words = "failed to expand list of hosts \"{0}\" in {1} transport"}));
  if (trim(list).empty()) return misconfigured(fmt::format("{} transport has empty hosts setting", t_.name));
  REMEX_TRY(const bool randomize, expand_bool(ctx_, t_, o_.hosts_randomize, "hosts_randomize"));
  return resolve_hosts(ctx_, o_, list, randomize);
}

Result<std::vector<SmtpDelivery::Group>> SmtpDelivery::groups(const Group& which) {
  REMEX_TRY(const std::string limit_text, expand(o_.max_rcpt, "max_rcpt", "100"));
  const auto limit = parse_uint(limit_text);
  if (!limit) return defer(fmt::format("max_rcpt \"{}\" is not a number", printable(limit_text)));
  auto multi_domain = o_.multi_domain.eval(ctx_.scope);
  if (!multi_domain && multi_domain.error().kind != ErrorKind::forced_fail)
    return misconfigured(
        fmt::format("failed to expand \"multi_domain\" in {} transport: {}", t_.name, multi_domain.error().text));
  // mua_wrapper promises one transaction for all; a policy is that of one domain.
  const bool multi = (multi_domain.value_or(true) && !o_.mta_sts_domains.is_set()) || ctx_.mua_wrapper;
  std::vector<Group> out;
  for (const std::size_t i : which) {
    const std::string& domain = batch_[i]->state.domain;
    const auto fits = [&](const Group& g) {
      return (*limit == 0 || ctx_.mua_wrapper || g.size() < *limit) &&
             (multi || batch_[g.front()]->state.domain == domain);
    };
    auto g = std::find_if(out.begin(), out.end(), fits);
    if (g == out.end()) g = out.insert(out.end(), Group());
    g->push_back(i);
  }
  return out;
}

bool SmtpDelivery::has_answer(const AddrResult& r) {
  return r.retry_scope == AddrResult::Scope::address || r.retry_scope == AddrResult::Scope::message;
}

SmtpDelivery::Group SmtpDelivery::without_answer(const Group& open) const {
  Group out;
  std::copy_if(open.begin(), open.end(), std::back_inserter(out),
               [this](std::size_t i) { return !has_answer(results_[i]); });
  return out;
}

void SmtpDelivery::wait_for_resources(const Group& group, const routers::HostItem& h, int error) {
  constexpr std::int64_t kPause = 60;  // seconds
  for (const std::size_t i : group) {
    results_[i] = deferred_result(
        fmt::format("no connection to {} [{}] could be made: this system lacks what it takes", h.name, h.ip),
        Trouble::Kind::other, error);
    results_[i].message += fmt::format(": {}", std::strerror(error));
    results_[i].retry_scope = AddrResult::Scope::none;
    results_[i].wait_until = wall_seconds() + kPause;
  }
}

void SmtpDelivery::wait_for_record(const Group& group, const Error& why) {
  constexpr std::int64_t kPause = 60;  // seconds
  for (const std::size_t i : group) {
    results_[i] = deferred_result("what was delivered before cannot be recorded: " + why.text);
    results_[i].retry_scope = AddrResult::Scope::none;
    results_[i].wait_until = wall_seconds() + kPause;
  }
}

bool SmtpDelivery::record_so_far(const Group& open) {
  if (transactions_ == 0 || !ctx_.settle) return true;
  const Status recorded = ctx_.settle(results_);
  if (!recorded) wait_for_record(without_answer(open), recorded.error());
  return recorded.has_value();
}

void SmtpDelivery::note_dead(const routers::HostItem& h, int port, const Group& open) {
  // A policy is that of one domain: what it does not allow says nothing about the others.
  if (open.empty() || sts_ || results_[open.front()].retry_scope != AddrResult::Scope::host) return;
  dead_.emplace(std::pair(h.ip, port), DeadHost{ctx_.host_results.back(), results_[open.front()]});
}

bool SmtpDelivery::known_dead(const routers::HostItem& h, const Group& open) {
  const auto dead = dead_.find({h.ip, h.port});
  if (dead == dead_.end()) return false;
  ctx_.host_results.push_back(dead->second.host);  // the log tells of it with each transaction
  ++transactions_;
  for (const std::size_t i : open) {
    results_[i] = dead->second.result;
    results_[i].transaction = transactions_;
  }
  return true;
}

void SmtpDelivery::wait_for_turn(const Group& group, const DestinationLimits::Refusal& why) {
  for (const std::size_t i : group) {
    results_[i] = deferred_result(why.why);
    results_[i].retry_scope = AddrResult::Scope::none;
    results_[i].wait_until = why.again;
    results_[i].waited_before = why.repeated;
  }
}

bool SmtpDelivery::enter(const Group& group, const std::vector<routers::HostItem>& hosts) {
  permit_.reset();
  if (ctx_.limits == nullptr) return true;
  auto rule = destination_rule(ctx_, t_, hosts);
  if (!rule) {
    for (const std::size_t i : group) results_[i] = deferred_for(rule.error());
    return false;
  }
  rule_ = std::move(*rule);
  if (!rule_.limits()) return true;
  auto permit = ctx_.limits->enter(rule_, ctx_.job.envelope.id, ctx_.scope.services);
  if (!permit) {
    wait_for_turn(group, permit.error());
    return false;
  }
  permit_.emplace(std::move(*permit));
  return true;
}

bool SmtpDelivery::cut_short(const Group& group) {
  const Status st = io::check_interrupt();
  if (st || st.error().kind != ErrorKind::cancelled) return false;
  for (const std::size_t i : group) {
    results_[i] = deferred_result("this process ends");
    results_[i].retry_scope = AddrResult::Scope::none;
    results_[i].sys_errno = ECANCELED;
    results_[i].wait_until = wall_seconds();
  }
  return true;
}

void SmtpDelivery::host_failed(const routers::HostItem& h, int port, const HostTrouble& trouble, Group& open) {
  if (cut_short(open)) return;
  Trouble kind = trouble.trouble;
  kind.mx = h.mx >= 0;
  ctx_.host_results.push_back({h.name, h.ip, port, kind, trouble.message});
  (void)event("msg:host:defer", trouble.message, trouble.sys_errno);
  ++transactions_;
  for (const std::size_t i : open) {
    AddrResult& r = results_[i];
    r = AddrResult();
    r.transaction = transactions_;
    r.fate = trouble.permanent ? Fate::failed : Fate::deferred;
    r.message = trouble.message;
    r.host_name = h.name;
    r.host_ip = h.ip;
    r.host_port = port;
    r.retry_scope = AddrResult::Scope::host;
    r.trouble = kind;
    r.smtp_code = trouble.code;
    r.sys_errno = trouble.sys_errno;
  }
  if (trouble.permanent) open.clear();
}

void SmtpDelivery::try_host(const routers::HostItem& h, Group& open) {
  if (!record_so_far(open)) return;
  auto options = connect_options(h);
  if (!options) {
    for (const std::size_t i : open) results_[i] = deferred_for(options.error());
    return;
  }
  const int port = options->to.port;
  std::unique_ptr<HostTurn> turn;
  const auto serial = in_list(o_.serialize_hosts, h);
  if (!serial && ctx_.scope.services != nullptr && !std::exchange(told_of_serial_, true))
    ctx_.scope.services->log(lang::LogTarget::main_log | lang::LogTarget::panic_log,
                             fmt::format("{} serialize_hosts of {}", ctx_.job.envelope.id, serial.error().text));
  if (serial && *serial) {
    turn = HostTurn::take(h.ip, std::chrono::duration_cast<Millis>(options->connect_timeout));
    if (turn == nullptr) {
      for (const std::size_t i : open)
        results_[i] = deferred_result(
            fmt::format("connection to {} [{}] waits: another is open (serialize_hosts)", h.name, h.ip));
      return;
    }
  }
  const io::Activity activity([&] {
    return fmt::format("delivering {} to {} [{}]", ctx_.job.envelope.id, h.name.empty() ? h.ip : h.name, h.ip);
  });
  Group undone;  // for the next host
  for (bool fresh = false; !open.empty();) {
    if (!record_so_far(open)) break;
    bool reused = false;
    options->known = fresh ? KnownServer() : recall(h, *options);
    auto opened = connect(h, *options, fresh, reused);
    if (!opened && opened.error().early) {
      remember(h, *options, {});
      fresh = true;
      continue;
    }
    if (!opened && opened.error().waits) {
      wait_for_turn(without_answer(open), DestinationLimits::no_slot(rule_));
      break;
    }
    if (!opened && is_lack_of_resources(opened.error().sys_errno)) {
      wait_for_resources(without_answer(open), h, opened.error().sys_errno);
      break;
    }
    if (!opened) {
      host_failed(h, port, opened.error(), open);
      note_dead(h, port, open);
      break;
    }
    SmtpConnection& c = **opened;
    if (!reused)
      if (auto known = log_in(h, c, *options); !known) {
        c.quit();
        if (known.error().early) {
          remember(h, *options, {});
          fresh = true;
          continue;
        }
        host_failed(h, port, known.error(), open);
        note_dead(h, port, open);
        break;
      }
    if (ctx_.scope.delivery != nullptr) {
      ctx_.scope.delivery->sending_ip_address = c.local_ip();
      ctx_.scope.delivery->sending_port = c.local_port();
    }
    set_tls_variables(ctx_.scope, &c);
    test_sts(h, c);
    const Sent sent = use_connection(h, *options, c, reused, open, undone);
    if (sent == Sent::again) fresh = true;
    if (sent == Sent::again && c.used_early() && !reused) remember(h, *options, {});
    if (sent == Sent::answered && !reused) remember(h, *options, c.heard());
    if (sent == Sent::again || sent == Sent::lost) {
      c.quit();
      if (sent == Sent::lost) break;
      continue;
    }
    if (sent == Sent::answered || sent == Sent::closed) ctx_.host_results.push_back({h.name, h.ip, port});
    if (sent == Sent::closed) {
      c.quit();
      break;
    }
    // Who wants to know of connections is told when they close.
    // With -v a dialogue is shown to its end.
    const bool keep = ctx_.pool != nullptr && !generic(t_).event_action.is_set() && !SmtpDialogue::shown();
    if (sent == Sent::answered && keep && !full(c) && c.poolable && c.usable()) {
      c.outcome = ctx_.outcome;
      ctx_.pool->give(pool_key(h, *options), std::move(*opened));
    } else {
      c.quit();
    }
  }
  open.insert(open.begin(), undone.begin(), undone.end());
}

void SmtpDelivery::deliver_group(const Group& group, const std::vector<routers::HostItem>& hosts) {
  Group open = group;
  for (const std::size_t i : open) {
    results_[i] = deferred_result(fmt::format("retry time not reached for any host for '{}'", batch_[i]->state.domain),
                                  Trouble::Kind::hosts_not_due);
    results_[i].retry_scope = AddrResult::Scope::none;
  }
  if (!record_so_far(open)) return;
  if (Status s = find_sts(*batch_[group.front()]); !s) {
    for (const std::size_t i : group) results_[i] = deferred_for(s.error());
    return;
  }
  if (!enter(group, hosts)) return;
  // hosts_max_try (manual 30.5): hosts that wait, and those past their last retry time, do not count. After it one host
  // of each further MX preference is tried.
  std::int64_t counted = 0, tried = 0;
  bool given_up = !hosts.empty();
  std::optional<int> only_beyond;  // the MX preference that has had its share
  for (std::size_t n = 0; n < hosts.size(); ++n) {
    const routers::HostItem& h = hosts[n];
    if (open.empty() || tried >= o_.hosts_max_try_hardlimit) return;
    if (only_beyond && h.mx <= *only_beyond) continue;
    routers::HostItem known = h;  // its retry time depends on the port that is really used
    set_host_variables(h, std::max(known.port, 0));
    if (known.port < 0)
      if (auto port = port_of(h)) known.port = *port;
    const auto by_address = o_.retry_include_ip_address.eval(ctx_.scope);
    if (!by_address) {
      for (const std::size_t i : open)
        results_[i] = deferred_result(
            fmt::format("{} transport: retry_include_ip_address: {}", t_.name, by_address.error().text));
      return;
    }
    const HostGate gate = ctx_.host_gate ? ctx_.host_gate(known, o_.delay_after_cutoff, *by_address) : HostGate::open;
    given_up = given_up && gate == HostGate::given_up;
    if (gate == HostGate::wait || gate == HostGate::given_up || known_dead(known, open)) continue;
    if (gate == HostGate::open && counted >= o_.hosts_max_try) {
      const auto other = [&](const routers::HostItem& later) { return later.mx > h.mx; };
      if (std::none_of(hosts.begin() + static_cast<std::ptrdiff_t>(n), hosts.end(), other)) return;
      only_beyond = h.mx;
    } else if (gate == HostGate::open) {
      ++counted;
    }
    ++tried;
    try_host(h, open);
    // Another host is the same destination. Those that have an answer keep it.
    if (std::any_of(open.begin(), open.end(), [this](std::size_t i) { return results_[i].wait_until > 0; })) return;
  }
  if (!given_up) return;
  for (const std::size_t i : open)
    results_[i] = failed_result(fmt::format(
        "all hosts for '{}' have been failing for a long time {}", batch_[i]->state.domain,
        o_.delay_after_cutoff ? "(and retry time not reached)" : "and were last tried after this message arrived"));
}

Result<std::vector<routers::HostItem>> SmtpDelivery::fallback_list() {
  REMEX_TRY(const bool randomize, expand_bool(ctx_, t_, o_.hosts_randomize, "hosts_randomize"));
  std::vector<routers::HostItem> items = batch_.front()->fallback_hosts;
  if (items.empty()) {
    REMEX_TRY(const std::string list, expand(o_.fallback_hosts, "fallback_hosts"));
    return resolve_hosts(ctx_, o_, list, randomize);
  }
  if (randomize) shuffle_places(items);
  return resolve_items(ctx_, o_, items, true);
}

std::vector<AddrResult> SmtpDelivery::run() {
  if (Status s = prepare(); !s) return all(s.error());
  Group everyone(batch_.size());
  std::iota(everyone.begin(), everyone.end(), 0U);
  auto parts = groups(everyone);
  if (!parts) return all(parts.error());
  auto hosts = host_list();
  if (!hosts) {
    AddrResult r = hosts.error().kind == ErrorKind::config
                       ? deferred_for(hosts.error())
                       : deferred_result(hosts.error().text, Trouble::Kind::dns_timeout);
    return same_for_all(batch_.size(), r);
  }
  for (const routers::Addr* a : batch_) {
    const std::string address = rcpt_address(t_, *a);
    if (address.find_first_of(std::string_view("\r\n<>\0", 5)) != std::string::npos && address.front() != '"')
      return same_for_all(batch_.size(),
                          failed_result(fmt::format("address \"{}\" cannot be sent", printable(address))));
  }
  for (const Group& g : *parts) deliver_group(g, *hosts);
  permit_.reset();

  // fallback_hosts: for what is still deferred, when the address did not come through MX records.
  Group rest;
  for (std::size_t i = 0; i < results_.size(); ++i)
    if (results_[i].fate == Fate::deferred && results_[i].wait_until == 0 && !results_[i].doubt &&
        results_[i].trouble.kind != Trouble::Kind::unreadable)
      rest.push_back(i);
  const routers::Addr& first = *batch_.front();
  const bool from_mx = !first.hosts.empty() && first.hosts.front().mx >= 0;
  if (rest.empty() || from_mx || (first.fallback_hosts.empty() && !o_.fallback_hosts.is_set()))
    return std::move(results_);
  if (!record_so_far(rest)) return std::move(results_);
  auto more = fallback_list();
  const std::vector<AddrResult> before = results_;
  if (more && !more->empty()) {
    std::reverse(rest.begin(), rest.end());  // as log readers know it from Exim
    parts = groups(rest);
    if (!parts) more = std::unexpected(parts.error());
  }
  if (!more)
    for (const std::size_t i : rest) results_[i].message += "; fallback_hosts: " + more.error().text;
  else if (!more->empty())
    for (const Group& g : *parts) deliver_group(g, *more);
  // Where no fallback host was asked, the answer of a host before it stays.
  for (const std::size_t i : rest)
    if (results_[i].fate == Fate::deferred && results_[i].host_ip.empty() && has_answer(before[i]))
      results_[i] = before[i];
  return std::move(results_);
}

bool can_call_out(const lang::DriverInstance& t) { return t.def->name == "smtp"; }

Result<std::vector<routers::HostItem>> callout_hosts(DeliverContext& ctx, const lang::DriverInstance& t,
                                                     const routers::Addr& a) {
  const auto& o = static_cast<const SmtpOptions&>(*t.options);
  if (a.hosts.empty() && !o.hosts.is_set()) return std::vector<routers::HostItem>();
  routers::Addr* one[] = {const_cast<routers::Addr*>(&a)};
  return SmtpDelivery(ctx, t, one).hosts_for_callout();
}

std::string destination_text(DeliverContext& ctx, const lang::DriverInstance& t, const routers::Addr& a) {
  if (!can_call_out(t)) return {};
  const auto& o = static_cast<const SmtpOptions&>(*t.options);
  if (!o.destination_max_connections.is_set() && !o.destination_rate.is_set()) return {};
  const auto hosts = callout_hosts(ctx, t, a);
  if (!hosts) return fmt::format("limits unknown: {}", hosts.error().text);
  const auto rule = destination_rule(ctx, t, *hosts);
  if (!rule) return fmt::format("limits unknown: {}", rule.error().text);
  std::string out;
  if (rule->connections > 0)
    out = fmt::format("at most {} connection{}", rule->connections, rule->connections == 1 ? "" : "s");
  if (rule->rate.messages > 0)
    out += fmt::format("{}{} message{} in {}", out.empty() ? "at most " : ", ", rule->rate.messages,
                       rule->rate.messages == 1 ? "" : "s", format_interval(rule->rate.period));
  return out.empty() ? out : fmt::format("destination {}: {}", printable(rule->name), out);
}

HostResultOf<std::unique_ptr<SmtpConnection>> open_callout(DeliverContext& ctx, const lang::DriverInstance& t,
                                                           const routers::Addr& a, const routers::HostItem& host,
                                                           Seconds connect_timeout, Seconds command_timeout) {
  routers::Addr* one[] = {const_cast<routers::Addr*>(&a)};
  return SmtpDelivery(ctx, t, one).open_for_callout(host, connect_timeout, command_timeout);
}

std::vector<AddrResult> deliver_by_smtp(DeliverContext& ctx, const lang::DriverInstance& t,
                                        std::span<routers::Addr* const> batch) {
  if (batch.empty()) return {};
  SmtpDelivery d(ctx, t, batch);
  return d.run();
}

}  // namespace remex::transports
