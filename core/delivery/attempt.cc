// Routing of a message's recipients: the address tree, duplicates, routing retry times; see attempt.h.
#include "core/delivery/attempt.h"

#include <fmt/format.h>

#include <algorithm>
#include <ranges>

#include "core/base/strings.h"
#include "core/delivery/retry.h"
#include "core/hooks/hooks.h"
#include "core/mail/address.h"
#include "core/mail/exim_spool.h"
#include "lang/message_memory.h"

namespace remex::delivery {
namespace {

constexpr std::size_t kMaxAddresses =
    100000;                               ///< of one message, all generations: a redirection that grows without end
constexpr std::int64_t kHeldPause = 300;  ///< seconds until a held address is looked at again
constexpr std::int64_t kPauseAfterBug = 900;
constexpr int kSilent = -51;  ///< nothing was tried: no retry record, and the log has it already

std::string delivery_key(const Addr& a) {
  return fmt::format("{}\n{}\n{}", a.unique, a.transport != nullptr ? a.transport->name : "", a.special.str());
}

/// "== a@b routing defer (-52): why": an address that did not get as far as a router.
std::string routing_deferral(const Addr& a, const log::DeliveryFields& f) {
  return fmt::format("== {} routing defer ({}): {}", a.state.address, f.defer_errno, f.message);
}

}  // namespace

std::string with_lower_domain(const std::string& address) {
  const auto at = address.rfind('@');
  return at == std::string::npos ? address : address.substr(0, at) + to_lower(std::string_view(address).substr(at));
}

std::string homonym_name(const Addr& a) {
  if (a.transport == nullptr) return {};
  const Addr* same = a.parent;
  while (same != nullptr && with_lower_domain(same->state.address) != with_lower_domain(a.state.address))
    same = same->parent;
  return same == nullptr ? std::string() : fmt::format("{}/{}", with_lower_domain(a.state.address), a.transport->name);
}

std::string finished_name(const Addr& a) {
  const bool special = !a.special.empty() && a.parent != nullptr;
  std::string base = special ? a.state.address : with_lower_domain(a.state.address);
  if (special) {
    base += ":" + with_lower_domain(a.parent->state.address);
    if (a.reply) base += a.unique.substr(std::min(a.unique.size(), a.unique.rfind(" #")));  // one of several
  }
  const bool clone = a.parent != nullptr && a.parent->transport != nullptr;
  const bool cloned = a.transport != nullptr && !a.children.empty();
  return (clone || cloned) && a.router != nullptr ? base + "/" + a.router->name : base;
}

Attempt::Attempt(Engine& eng, store::StoredMessage& msg, const DeliverOptions& opt)
    : eng_(eng),
      msg_(msg),
      opt_(opt),
      job_{msg.envelope, msg.headers, msg.body, opt.first_attempt},
      now_(wall_seconds()) {
  scope_ = fresh_scope();
  scope_.delivery = &routing_state_;
  note_done_recipients();
  // Names written by other programs and releases may have the domain as it was given.
  for (const std::string& name : msg_.envelope.non_recipients) done_.insert(with_lower_domain(name));
  if (const auto owed = msg_.envelope.saved.find(kOwedReports); owed != msg_.envelope.saved.end())
    owed_before_ = owed->second;
}

void Attempt::note_done_recipients() {
  const auto& recipients = msg_.envelope.recipients;
  for (const auto& r : recipients)
    if (r.done) done_.insert(with_lower_domain(r.address));
  for (const auto& r : recipients)  // one_time: a list may be a member of itself
    if (!r.done && r.parent >= 0) done_.erase(with_lower_domain(r.address));
}

lang::Scope Attempt::fresh_scope() {
  lang::Scope s;
  s.config = eng_.config.get();
  s.services = eng_.services;
  s.from = &msg_.envelope.from;
  s.envelope = &msg_.envelope;
  s.headers = &msg_.headers;
  s.body = msg_.body.get();
  s.acl_c = &msg_.envelope.acl_c;
  s.acl_m = &msg_.envelope.acl_m;
  // One memory of lookups for the whole attempt.
  if (!scope_.memory) scope_.memory = std::make_shared<lang::MessageMemory>();
  s.memory = scope_.memory;
  for (std::size_t i = 0; i < counters_.size(); ++i)
    if (!counters_[i].empty()) s.extra[fmt::format("sn{}", i)] = counters_[i];
  return s;
}

std::int64_t Attempt::age_us() const {
  const std::int64_t us = (wall_now() - msg_.envelope.received).count();
  const std::int64_t told = hooks::age(-1);
  return told >= 0 ? told * 1000000 : us;
}

std::int64_t Attempt::failed_at() const { return std::max(now_, wall_seconds()); }

bool Attempt::already_done(const Addr& a) const {
  // A recipient of its own has a flag; one that goes on behind an unseen router has a name for each of its ways.
  if (done_.empty() || (a.parent == nullptr && a.children.empty())) return false;
  if (done_.contains(with_lower_domain(finished_name(a)))) return true;
  if (!msg_.envelope.saved.contains(mail::kEximNames) || a.transport == nullptr || a.router == nullptr) return false;
  // Exim tells an address from an ancestor of the same name by its transport, behind the router of an unseen one.
  const std::string name = homonym_name(a);
  return !name.empty() && (done_.contains(with_lower_domain(name)) ||
                           done_.contains(with_lower_domain(
                               fmt::format("{}/{}/{}", a.state.address, a.router->name, a.transport->name))));
}

const Addr* Attempt::delivered_for(const Addr& a) const {
  if (a.status != Addr::Status::discarded || a.transport == nullptr || already_done(a)) return nullptr;
  const auto same_way = seen_.find(delivery_key(a));
  if (same_way == seen_.end()) return nullptr;
  if (same_way->second->status != Addr::Status::discarded) return same_way->second;
  const auto same_name = named_.find(with_lower_domain(finished_name(a)));
  return same_name == named_.end() || same_name->second == &a ? nullptr : same_name->second;
}

bool Attempt::routing_deferred_by_hint(Addr& a) {
  if (!eng_.store || opt_.force || opt_.first_attempt || a.parent != nullptr) return false;
  for (const bool by_user : {false, true}) {
    const auto rec =
        hint_against("R:" + (by_user ? a.unique : a.state.domain), by_user ? a.unique : "*@" + a.state.domain);
    if (!rec) continue;
    a.status = Addr::Status::deferred;
    a.basic_errno = kSilent;
    a.message = "retry time not reached for any host";
    a.user_message = rec->told;  // for a warning about the delay
    deferrals_.push_back(&a);
    next_attempt_ = next_attempt_ == 0 ? rec->next_try : std::min(next_attempt_, rec->next_try);
    if (eng_.log->on(log::Selector::retry_defer)) {
      auto f = fields(a);
      f.message = "retry time not reached";
      f.defer_errno = -52;
      note(routing_deferral(a, f), {});
    }
    return true;
  }
  return false;
}

bool Attempt::older_than_rule(const lang::RetryRule* rule) const {
  return rule != nullptr && !rule->steps.empty() && age_us() / 1000000 >= rule->steps.back().cutoff;
}

bool Attempt::older_than_rule_for(const std::string& subject, const std::string& second, const std::string& error) {
  return older_than_rule(find_rule(*eng_.config, scope_, subject, second, error, msg_.envelope.sender));
}

std::optional<store::RetryRecord> Attempt::hint_against(const std::string& key, const std::string& subject) {
  auto rec = eng_.store->get_retry(key);
  if (!rec || !*rec || (*rec)->expired || (*rec)->next_try <= now_ ||
      now_ - (*rec)->last_try >= eng_.config->main.retry_data_expire || older_than_rule_for(subject, {}, (*rec)->error))
    return {};
  return std::move(*rec);
}

std::string Attempt::key_for_sender(const Addr& a) const {
  return fmt::format("R:{}:<{}>", a.unique, msg_.envelope.sender);
}

bool Attempt::held_back(Addr& a) {
  const auto& m = eng_.config->main;
  const auto lists = [&](const lang::MatchList& list) {
    if (!list.is_set()) return false;
    auto r = list.match(scope_, Text::tainted(a.state.domain));
    return r && r->matched;
  };
  const bool held = !opt_.force && lists(m.hold_domains);
  if (!held && !(opt_.first_attempt && lists(m.queue_domains))) return false;
  a.status = Addr::Status::deferred;
  a.basic_errno = -51;  // no retry record: nothing was tried
  a.message = held ? "domain is held" : "domain is in queue_domains";
  if (held)
    next_attempt_ = next_attempt_ == 0 ? now_ + kHeldPause : std::min(next_attempt_, now_ + kHeldPause);
  else
    wait_for_run_ = true;
  auto f = fields(a);
  f.message = a.message;
  f.defer_errno = held ? -23 : -56;
  note(held ? log::deferred_line(f, eng_.log->selectors()) : routing_deferral(a, f), {});
  return true;
}

void Attempt::send_notice(Addr& a) {
  if (!eng_.store || mua_wrapper) return;
  auto m = make_report(eng_, msg_, a.notice_to, {},
                       {"error(s) in forwarding or filtering", a.notice_text, "", false, {}, {}});
  if (m)
    made_.push_back(std::move(*m));
  else
    eng_.log->write(log::kMain | log::kPanic, msg_.envelope.id,
                    fmt::format("cannot store the notice of {}: {}", a.state.router_name, m.error().text));
  a.notice_to.clear();
}

namespace {
std::pair<std::string, std::string> domain_key(const Addr& a) { return {a.state.domain, a.start_router}; }
}  // namespace

bool Attempt::copy_from_domain(Addr& a) const {
  if (routed_domains_.empty()) return false;
  const auto model = routed_domains_.find(domain_key(a));
  if (model == routed_domains_.end()) return false;
  routers::copy_routing(*model->second, a);
  return true;
}

void Attempt::route_one(Addr* a) {
  if (a->status == Addr::Status::pending && copy_from_domain(*a)) {
    routing_outcome(*a);
  } else if (a->status == Addr::Status::pending) {
    const std::string bug = exception_of([&] {
      routers::RouteContext ctx{*eng_.config, scope_, routers::RouteMode::deliver};
      routers::route_address(ctx, *a);
    });
    if (!a->notice_to.empty()) send_notice(*a);
    if (!bug.empty())
      routing_bug(*a, bug);
    else if (a->status == Addr::Status::failed && already_done(*a))
      a->status = Addr::Status::discarded;  // an earlier attempt told of it, or delivered to it
    else
      routing_outcome(*a);
    if (routers::may_copy_routing(*a)) routed_domains_.emplace(domain_key(*a), a);
  } else if (a->status == Addr::Status::failed && !a->special.empty() && already_done(*a)) {
    a->status = Addr::Status::discarded;  // a forbidden file or command: an earlier attempt told of it
  } else if (a->status == Addr::Status::failed || a->status == Addr::Status::deferred) {
    routing_outcome(*a);
  } else if (a->status == Addr::Status::discarded && a->is_file && !already_done(*a)) {
    log_routing(*a);  // /dev/null
  }
  if (a->status == Addr::Status::routed) {
    // Merged after routing, so that two ways to one mailbox make one delivery; the copy is finished without a word.
    // What was routed last stays, as in Exim: a child rather than the recipient of that name.
    if (already_done(*a)) {
      a->status = Addr::Status::discarded;
      return;
    }
    const auto keep = [a](Addr*& kept) {
      if (kept != nullptr) kept->status = Addr::Status::discarded;
      kept = a;
    };
    keep(seen_[delivery_key(*a)]);
    // An address has one way from a name: two that were routed in different ways are one delivery, as in Exim, for
    // the record of what is done could not tell them apart.
    if (a->special.empty()) keep(named_[with_lower_domain(finished_name(*a))]);
  }
}

const mail::Recipient& Attempt::recipient_of(const Addr& a) const {
  static const mail::Recipient kNone;
  return a.top_index < 0 ? kNone : msg_.envelope.recipients[static_cast<std::size_t>(a.top_index)];
}

void Attempt::add_recipients() {
  auto& recipients = msg_.envelope.recipients;
  for (std::size_t i = 0; i < recipients.size(); ++i) {
    if (recipients[i].done) continue;
    std::string address = recipients[i].address;
    if (address.find('@') == std::string::npos) address += "@" + qualify_domain(eng_);
    tops_.push_back(routers::make_top_address(address, static_cast<int>(i)));
    if (!recipients[i].errors_to.empty()) {
      tops_.back()->errors_to = recipients[i].errors_to;
      tops_.back()->has_errors_to = true;
    }
    Addr& top = *tops_.back();
    if (recipients_are_ == Recipients::routed) continue;
    top.message = recipients_text_;
    top.status = recipients_are_ == Recipients::failed ? Addr::Status::failed : Addr::Status::deferred;
    top.basic_errno = kSilent;
  }
}

void Attempt::route_all() {
  if (recipients_are_ != Recipients::ignored) add_recipients();
  // Generation by generation, recipients and the children of one address from the last to the first: the order in which
  // log readers know routing from Exim. Deliveries then begin with what was routed last.
  std::vector<Addr*> generation;
  generation.reserve(tops_.size());
  for (auto& top : tops_) generation.push_back(top.get());
  if (filter_top_)
    for (auto& child : filter_top_->children) generation.push_back(child.get());
  std::reverse(generation.begin(), generation.end());
  while (!generation.empty()) {
    std::vector<Addr*> next;
    for (auto a = generation.rbegin(); a != generation.rend(); ++a)
      if ((*a)->status == Addr::Status::pending && !held_back(**a)) (void)routing_deferred_by_hint(**a);
    for (Addr* a : generation) {
      all_.push_back(a);
      route_one(a);
      if (all_.size() + generation.size() + next.size() + a->children.size() > kMaxAddresses) {
        a->children.clear();
        a->status = Addr::Status::failed;
        a->message = "too many addresses generated by redirection";
        routing_outcome(*a);
        continue;
      }
      // What needs no routing is settled with its parent, in the order of the list.
      for (auto& child : a->children) {
        child->top_index = a->top_index;
        if (child->special.empty()) continue;
        all_.push_back(child.get());
        route_one(child.get());
      }
      for (auto& child : std::views::reverse(a->children))
        if (child->special.empty()) next.push_back(child.get());
    }
    generation = std::move(next);
  }
  forget_routing_failures();
}

void Attempt::forget_routing_failures() {
  if (!eng_.store || mua_wrapper) return;
  for (const std::string& name : answered_)
    if (!deferring_.contains(name)) forget_failure("R:" + name);
}

void Attempt::forget_failure(const std::string& key) {
  if (const auto rec = eng_.store->get_retry(key); rec && *rec) (void)eng_.store->delete_retry(key);
}

void Attempt::fail_all(const std::string& why) {
  add_recipients();
  for (auto& top : tops_) {
    all_.push_back(top.get());
    top->status = Addr::Status::failed;
    top->message = why;
    failures_.push_back(top.get());  // the line about the message has been written
  }
}

void Attempt::routing_outcome(Addr& a) {
  if (a.basic_errno == kSilent) {  // the log has it already; reports do not, when the system filter decided
    if (a.status == Addr::Status::failed)
      failures_.push_back(&a);
    else if (recipients_are_ != Recipients::routed)
      deferrals_.push_back(&a);
    return;
  }
  if (a.status == Addr::Status::deferred) {
    if (a.freeze) {
      freeze_for(a, a.message);
    } else if (eng_.store && !mua_wrapper) {
      const bool by_user = a.router != nullptr && routers::generic(*a.router).retry_use_local_part;
      deferred(a, by_user ? "R:" + a.unique : "R:" + a.state.domain, by_user ? a.unique : "*@" + a.state.domain,
               a.retry_error.empty() ? "*" : a.retry_error);
      deferring_.insert(a.unique);
      deferring_.insert(a.state.domain);
    }
    if (a.status == Addr::Status::deferred && a.basic_errno == 0) a.basic_errno = -1;
  } else {
    answered_.insert(a.unique);
    answered_.insert(a.state.domain);
  }
  log_routing(a);
}

void Attempt::time_out() {
  for (auto it = deferrals_.rbegin(); it != deferrals_.rend(); ++it) {
    Addr& a = **it;
    if (!a.timed_out || a.status != Addr::Status::deferred) continue;
    a.status = Addr::Status::failed;
    auto f = fields(a);
    f.router.clear();
    f.transport.clear();
    f.message = "retry timeout exceeded";
    raise_event(a, nullptr, a.transport != nullptr ? "msg:fail:delivery" : "msg:fail:internal", f.message);
    const std::string line = log::failed_line(f, eng_.log->selectors());
    note(line, line.substr(3));
    // What the sender may know of the reason is in user_message.
    a.user_message = a.user_message.empty() ? f.message : a.user_message + ": " + f.message;
    a.message = a.message.empty() ? f.message : a.message + ": " + f.message;
    failures_.push_back(&a);
  }
}

void Attempt::routing_bug(Addr& a, const std::string& what) {
  a.children.clear();
  a.status = Addr::Status::deferred;
  a.basic_errno = -1;
  a.message = what;
  const std::int64_t when = now_ + kPauseAfterBug;  // no retry record: other addresses of the domain are not to blame
  next_attempt_ = next_attempt_ == 0 ? when : std::min(next_attempt_, when);
  eng_.log->write(log::kPanic, msg_.envelope.id, fmt::format("{} while routing {}", what, a.state.address));
  log_routing(a);
}

void Attempt::log_routing(Addr& a) {
  auto f = fields(a);
  f.message = a.message;
  if (a.status == Addr::Status::failed) {
    failures_.push_back(&a);
    raise_event(a, nullptr, "msg:fail:internal", a.message);
    const std::string line = log::failed_line(f, eng_.log->selectors());
    note(line, line.substr(3));
  } else if (a.status == Addr::Status::deferred) {
    deferrals_.push_back(&a);
    f.defer_errno = a.basic_errno;
    const std::string line = log::deferred_line(f, eng_.log->selectors());
    note(line, line.substr(3));
  } else if (a.status == Addr::Status::discarded && a.is_file) {
    f.transport = "**bypassed**";
    const std::string line = log::delivered_line("=>", f, eng_.log->selectors());
    note(line, line.substr(3));
    remember_done(a);
  } else if (a.status == Addr::Status::discarded && a.router != nullptr) {
    f.parents = {a.state.address};
    f.address = a.message.empty() ? ":blackhole:" : a.message;
    const std::string line = log::delivered_line("=>", f, eng_.log->selectors());
    note(line, line.substr(3));
  }
}

log::DeliveryFields Attempt::fields(const Addr& a) const {
  log::DeliveryFields f;
  f.address = a.state.address;
  for (const Addr* p = a.parent; p != nullptr; p = p->parent) f.parents.push_back(p->state.address);
  // What goes on behind an unseen router, or came back to its own name, is the recipient itself.
  if (!f.parents.empty() && f.parents.back() == f.address && !eng_.log->on(log::Selector::all_parents))
    f.parents.clear();
  // A file or command is told with who asked for it.
  if (!a.special.empty() && f.parents.size() > 1 && !eng_.log->on(log::Selector::all_parents))
    f.address += fmt::format(" ({})", f.parents.front());
  f.sender = msg_.envelope.sender;
  f.return_path = a.has_errors_to ? a.errors_to : msg_.envelope.sender;
  const bool nobody = a.status == Addr::Status::failed && a.transport == nullptr && a.user_message.empty();
  constexpr std::string_view kNobodys[] = {"Unrouteable address", "an MX or SRV record indicated no SMTP service",
                                           "all relevant MX records point to non-existent hosts"};
  if (a.router != nullptr &&
      !(nobody && std::find(std::begin(kNobodys), std::end(kNobodys), a.message) != std::end(kNobodys)))
    f.router = a.router->name;
  else if (a.status == Addr::Status::deferred || a.status == Addr::Status::failed)
    f.router =
        std::find(std::begin(kNobodys), std::end(kNobodys), a.message) != std::end(kNobodys) ? "" : a.state.router_name;
  if (a.transport != nullptr) f.transport = a.transport->name;
  f.queue_us = age_us();
  return f;
}

void Attempt::note(const std::string& line, const std::string& for_message_log, bool panic) {
  eng_.log->write(panic ? log::kMain | log::kPanic : log::kMain, msg_.envelope.id, line);
  if (eng_.store && !for_message_log.empty() && eng_.config->main.message_logs)
    eng_.store->message_log(msg_.envelope.id, log_timestamp(wall_now()) + " " + printable(for_message_log));
}

void Attempt::deferred(Addr& a, const std::string& key, const std::string& subject, const std::string& error,
                       bool of_message, const std::string& text) {
  if (cut_short()) {
    next_attempt_ = now_;
    return;
  }
  store::RetryRecord rec;
  const std::int64_t now = failed_at();
  if (auto old = eng_.store->get_retry(key);
      old && *old && now - (*old)->last_try < eng_.config->main.retry_data_expire)
    rec = **old;
  else
    rec.first_failed = now;
  if (of_message) rec.first_failed = std::min(rec.first_failed, now - age_us() / 1000000);
  rec.key = key;
  rec.error = error;
  rec.error_text = text.empty() ? a.message : text;
  rec.told = !text.empty() ? text : a.user_message == kLocalTrouble ? std::string() : a.user_message;
  const auto* rule = find_rule(*eng_.config, scope_, subject, {}, error, msg_.envelope.sender);
  if (rule == nullptr || rule->steps.empty()) {
    a.timed_out = true;  // no rule: a temporary error is permanent
    return;
  }
  const bool before_time = rec.next_try > now_;
  schedule(*rule, *eng_.config, now_, now, rec);
  if (older_than_rule(rule) && !rec.expired) {
    a.timed_out = true;
    if (before_time) return;  // other messages shall not wait longer because this one was tried early
  }
  // A message that came after the address had already expired still had its one attempt: it has just failed.
  if (rec.expired) {
    a.timed_out = true;
  } else {
    next_attempt_ = next_attempt_ == 0 ? rec.next_try : std::min(next_attempt_, rec.next_try);
  }
  (void)eng_.store->put_retry(rec);
}

const Addr* Attempt::first_trouble() const {
  for (const Addr* a : all_)
    if (a->status != Addr::Status::delivered && a->status != Addr::Status::discarded &&
        a->status != Addr::Status::redirected)
      return a;
  return nullptr;
}

const Failure* Attempt::failure_of(const Addr& a) const {
  const auto it = troubles_.find(&a);
  return it == troubles_.end() ? nullptr : &it->second;
}

bool Attempt::complete(const Addr& a, Failures failures) const {
  if (a.status == Addr::Status::deferred || a.status == Addr::Status::pending || a.status == Addr::Status::routed)
    return false;
  if (a.status == Addr::Status::failed && failures == Failures::untold) return false;
  // A duplicate is as far as the address that is delivered in its place, which was routed after it.
  if (const Addr* kept = delivered_for(a); kept != nullptr && !complete(*kept, failures)) return false;
  return std::all_of(a.children.begin(), a.children.end(), [&](const auto& c) { return complete(*c, failures); });
}

void Attempt::remember_done(const Addr& a) {
  std::string name = finished_name(a);
  if (!done_.insert(with_lower_domain(name)).second) return;
  msg_.envelope.non_recipients.push_back(std::move(name));
}

void Attempt::settle_tops(Failures failures) {
  auto& env = msg_.envelope;
  for (auto& top : tops_) {
    auto& r = env.recipients[static_cast<std::size_t>(top->top_index)];
    if (r.done || !complete(*top, failures)) continue;
    r.done = true;
  }
  if (recipients_are_ == Recipients::ignored && complete(*filter_top_, failures))
    for (auto& r : env.recipients) r.done = true;
}

bool Attempt::is_recipient_itself(const Addr& a) const {
  return a.parent == nullptr && a.top_index >= 0 && finished_name(a) == with_lower_domain(recipient_of(a).address);
}

void Attempt::settle_deliveries(const std::vector<Addr*>& tried) {
  // A recipient that is finished as a whole has its flag, so that the envelope keeps its length: the store then writes
  // one page of it, where thousands of recipients with a transaction each would have it written whole each time.
  for (const Addr* a : tried)
    if (a->status == Addr::Status::delivered && settled_.insert(a).second &&
        !(is_recipient_itself(*a) && complete(*a, Failures::untold)))
      remember_done(*a);
  settle_tops(Failures::untold);
}

void Attempt::settle_recipients() {
  settle_tops(Failures::told);
  const auto& recipients = msg_.envelope.recipients;
  if (std::all_of(recipients.begin(), recipients.end(), [](const auto& r) { return r.done; })) return;
  // Also those that finish a whole recipient: what still waits may lead to the same address again.
  for (const Addr* a : all_)
    if (a->status == Addr::Status::delivered || a->status == Addr::Status::failed) remember_done(*a);
}

}  // namespace remex::delivery
