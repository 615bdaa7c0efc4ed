// The end of an attempt: bounces, warnings, freezing, and one write to the store; see attempt.h.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "core/base/strings.h"
#include "core/delivery/attempt.h"
#include "core/delivery/notice_text.h"
#include "core/io/fiber.h"

namespace remex::delivery {
namespace {

/// "5.1.1" out of "550 5.1.1 no such user", else the class of the outcome.
std::string status_code(const Addr& a, char klass) {
  const std::string& t = a.message;
  for (std::size_t i = 0; i + 5 <= t.size(); ++i) {
    if (t[i] != klass || t[i + 1] != '.' || !is_digit(t[i + 2]) || (i > 0 && (is_digit(t[i - 1]) || t[i - 1] == '.')))
      continue;
    std::size_t end = i + 2;
    while (end < t.size() && is_digit(t[end])) ++end;
    if (end == t.size() || t[end] != '.') continue;
    const std::size_t subject = end++;
    while (end < t.size() && is_digit(t[end])) ++end;
    if (end > subject + 1 && end - subject <= 4 && (end == t.size() || t[end] == ' ' || t[end] == '-'))
      return t.substr(i, end - i);
  }
  return fmt::format("{}.0.0", klass);
}

const Addr& top_of(const Addr& a) {
  const Addr* p = &a;
  while (p->parent != nullptr) p = p->parent;
  return *p;
}

FailedRecipient describe(const Addr& a, char klass, const std::pair<std::string, std::string>* said_by = nullptr) {
  FailedRecipient r;
  r.address = a.hide_child                     ? top_of(a).state.address
              : a.special.empty() || a.is_pipe ? a.state.address
                                               : a.special.str();
  r.top_address = top_of(a).state.address;
  // Of a delay only what may be told; of a failure something.
  r.text = a.user_message.empty() && klass == '5' ? a.message : a.user_message;
  r.output = a.output;
  r.status = status_code(a, klass);
  if (a.more_errno >= 400) {  // a remote server said it: its words are the diagnostic
    const auto at = r.text.find(std::to_string(a.more_errno));
    if (at != std::string::npos) r.diagnostic = r.text.substr(at);
    if (!a.hosts.empty()) r.remote_mta = a.hosts.front().name;
  }
  const bool talked =
      a.more_errno >= 400 || a.message.starts_with("Remote host ") || a.message.starts_with("SMTP timeout ");
  if (said_by != nullptr && talked) {
    r.remote_mta = said_by->first;
    r.host = fmt::format("host {} [{}]", said_by->first, said_by->second);
  }
  return r;
}

/// "a@b <list@b>": an address and the recipient it comes from.
std::string with_parent(const Addr& a) {
  return a.parent == nullptr ? a.state.address : fmt::format("{} <{}>", a.state.address, top_of(a).state.address);
}

/// For a line of fields; quoted local parts may have any character.
std::string without_tabs(const std::string& s) { return replace_all(replace_all(s, "\t", " "), "\n", " "); }

std::string waited_text(std::int64_t seconds) {
  if (seconds < 120 * 60) return fmt::format("{} minutes", seconds / 60);
  return fmt::format("{} hours", seconds / 3600);
}

}  // namespace

void Attempt::handle_failures() {
  std::map<std::string, std::vector<FailedRecipient>> by_address;
  bool frozen_bounce = false;
  for (auto it = failures_.rbegin(); it != failures_.rend(); ++it) {
    Addr* const a = *it;
    if (a->status != Addr::Status::failed) continue;
    const auto& rcpt = recipient_of(*a);
    if ((rcpt.dsn_notify & 1U) != 0 || (rcpt.dsn_notify != 0 && (rcpt.dsn_notify & 4U) == 0)) {
      note(with_parent(*a) + ": error ignored: RFC 3461 DSN, failure notify not requested", {});
      continue;
    }
    if (a->ignore_errors || (a->has_errors_to && a->errors_to.empty())) {
      note(with_parent(*a) + ": error ignored", {});
      continue;
    }
    const std::string to = a->has_errors_to ? a->errors_to : msg_.envelope.sender;
    if (to.empty()) {
      // A failing bounce goes nowhere. It is kept for somebody to look at, or dropped when that was long enough.
      const std::int64_t keep = eng_.config->main.ignore_bounce_errors_after;
      if (keep <= 0 || age_us() / 1000000 >= keep || a->timed_out || opt_.give_up) {
        if (!opt_.give_up) note(with_parent(*a) + ": error ignored", {});
        continue;
      }
      a->status = Addr::Status::deferred;
      frozen_bounce = true;
      continue;
    }
    const auto said_by = spoke_with_.find(a);
    by_address[to].push_back(describe(*a, '5', said_by != spoke_with_.end() ? &said_by->second : nullptr));
  }
  if (frozen_bounce) {
    freeze_ = true;
    freeze_reason_ = " (delivery error message)";
  }
  for (const auto& [to, failed] : by_address) {
    auto m = make_report(eng_, msg_, to, failed, bounce_report(eng_, scope_, to, failed));
    if (m) {
      made_.push_back(std::move(*m));
      continue;
    }
    // Nobody was told: the addresses stay undelivered, so that the next attempt tells.
    eng_.log->write(log::kMain | log::kPanic, msg_.envelope.id,
                    fmt::format("cannot store a bounce message: {}", m.error().text));
    for (Addr* a : all_)
      if (a->status == Addr::Status::failed && (a->has_errors_to ? a->errors_to : msg_.envelope.sender) == to)
        a->status = Addr::Status::deferred;
  }
}

/// RFC 3461 4.1, 6.2: good news for those who asked. A report that cannot be stored is no reason to keep the message;
/// the next attempt, if there is one, tries again.
void Attempt::report_success() {
  if (msg_.envelope.sender.empty() || eng_.store == nullptr) return;
  const std::string all = owed_reports();
  if (all.empty()) return;
  std::string untold;
  for (const std::string_view action : {"delivered", "relayed"}) {
    std::vector<FailedRecipient> about;
    std::string list, lines;
    for (const std::string_view line : split(all, '\n')) {
      const auto part = split(line, '\t');
      if (part.size() != 4 || part[0] != action) continue;
      lines += fmt::format("{}\n", line);
      FailedRecipient r;
      r.address = part[1];
      r.top_address = part[2];
      r.status = "2.0.0";
      r.remote_mta = part[3];
      list += fmt::format("  {} ({})\n", printable(r.top_address),
                          action == "relayed" ? "relayed to a host that sends no such reports" : "delivered");
      about.push_back(std::move(r));
    }
    if (about.empty()) continue;
    auto m = make_report(eng_, msg_, msg_.envelope.sender, about,
                         {.subject = "Delivery Status Notification",
                          .text = "This message was created automatically by mail delivery software.\n"
                                  " ----- The following addresses had successful delivery notifications -----\n\n" +
                                  list,
                          .action = std::string(action),
                          .with_body = false,
                          .headers = {}});
    if (m) {
      made_.push_back(std::move(*m));
      continue;
    }
    untold += lines;
    eng_.log->write(log::kMain | log::kPanic, msg_.envelope.id,
                    fmt::format("cannot store a delivery report: {}", m.error().text));
  }
  successes_.clear();
  owed_before_.clear();
  if (msg_.envelope.saved.erase(kOwedReports) > 0 || !untold.empty()) changed_ = true;
  if (!untold.empty()) msg_.envelope.saved[kOwedReports] = std::move(untold);
}

std::string Attempt::owed_reports() const {
  std::string out = owed_before_;
  for (const Success& s : successes_)
    if (s.addr->status == Addr::Status::delivered)
      out += fmt::format("{}\t{}\t{}\t{}\n", s.action, without_tabs(s.addr->state.address),
                         without_tabs(recipient_of(*s.addr).address), without_tabs(s.remote));
  return out;
}

void Attempt::owe_success_reports() {
  if (msg_.envelope.sender.empty()) return;
  if (std::string owed = owed_reports(); !owed.empty()) msg_.envelope.saved[kOwedReports] = std::move(owed);
}

ReportText Attempt::warning_report(const std::string& delay, const std::vector<FailedRecipient>& waiting) {
  const auto& env = msg_.envelope;
  std::string list;
  for (const auto& w : waiting) list += address_and_reason(w, "Delay reason: ");
  lang::DeliveryState state;
  state.warn_message_delay = delay;
  state.warn_message_recipients = env.sender;
  auto* before = std::exchange(scope_.delivery, &state);
  const auto items = template_items(eng_, eng_.config->main.warn_message_file, 3, scope_);
  scope_.delivery = before;
  const auto header = [&](const char* name) {
    const auto* h = msg_.headers.find(name);
    return h == nullptr ? std::string() : printable(trim(h->value()).substr(0, 500));
  };
  const std::string intro =
      !items[1].empty() ? items[1] + "\n"
                        : fmt::format(
                              "This message was created automatically by mail delivery software.\n"
                              "A message that you sent has not yet been delivered to one or more of its\n"
                              "recipients after more than {} on the queue on {}.\n\n"
                              "The message identifier is:     {}\n"
                              "The subject of the message is: {}\n"
                              "The date of the message is:    {}\n\n"
                              "The {} to which the message has not yet been delivered {}:\n\n",
                              delay, eng_.config->main.primary_hostname, env.id, header("Subject"), header("Date"),
                              waiting.size() == 1 ? "address" : "addresses", waiting.size() == 1 ? "is" : "are");
  const std::string end = !items[2].empty()
                              ? items[2]
                              : "No action is required on your part. Delivery attempts will continue for\n"
                                "some time, and this warning may be repeated at intervals if the message\n"
                                "remains undelivered. Eventually the mail delivery software will give up,\n"
                                "and when that happens, the message will be returned to you.\n";
  return {fmt::format("Warning: message {} delayed {}", env.id, delay),
          intro + list + "\n" + end,
          "delayed",
          false,
          items[0],
          {}};
}

void Attempt::tell_of_freezing() {
  const auto& env = msg_.envelope;
  if (env.local_error_message) return;  // a notice about a notice would go round for ever
  std::vector<std::string> whom = eng_.config->main.freeze_tell;
  for (std::string& a : whom)
    if (a.find('@') == std::string::npos) a += "@" + qualify_domain(eng_);
  if (whom.empty()) return;
  std::string text = fmt::format("Message {} has been frozen{}.\nThe sender is <{}>.\n\n", env.id, freeze_reason_,
                                 printable(env.sender));
  text += "The following address(es) have yet to be delivered:\n";
  for (const Addr* a : all_)
    if (a->status == Addr::Status::deferred)
      text += fmt::format("  {}: {}\n", printable(a->state.address), printable(a->message.substr(0, 2000)));
  const std::string to = whom.front();
  whom.erase(whom.begin());
  auto m = make_report(eng_, msg_, to, {}, {"Message frozen", text, "", false, "", whom});
  if (m)
    made_.push_back(std::move(*m));
  else
    eng_.log->write(log::kMain | log::kPanic, env.id,
                    fmt::format("cannot store the notice for freeze_tell: {}", m.error().text));
}

void Attempt::send_warning() {
  auto& env = msg_.envelope;
  const auto& times = eng_.config->main.delay_warning;
  if (times.empty() || times.front() <= 0 || env.sender.empty() || env.local_error_message || freeze_ || env.frozen)
    return;
  const std::int64_t age = age_us() / 1000000;
  // How many warnings should have gone by now; after the last time the last gap repeats.
  int owed = 0;
  std::int64_t after = 0;  // the time that the warning is for
  for (const auto t : times) {
    if (age < t) break;
    ++owed;
    after = t;
  }
  if (age >= times.back()) {
    const std::int64_t gap = times.size() > 1 ? times.back() - times[times.size() - 2] : times.back();
    if (gap > 0) {
      const std::int64_t more = (age - times.back()) / gap;
      owed += static_cast<int>(more);
      after += more * gap;
    }
  }
  if (owed <= env.warnings_sent) return;
  const auto& condition = eng_.config->main.delay_warning_condition;
  if (condition.is_set()) {
    auto v = condition.eval(scope_);
    if (!v || !lang::is_loosely_true(v->view())) return;
  } else {
    // The default: no warnings about list, bulk and automatic mail.
    for (const char* name : {"List-ID", "List-Post", "List-Subscribe", "List-Unsubscribe"})
      if (msg_.headers.find(name) != nullptr) return;
    if (const auto* p = msg_.headers.find("Precedence"))
      if (const auto v = to_lower(trim(p->value())); v == "bulk" || v == "list" || v == "junk") return;
    if (const auto* s = msg_.headers.find("Auto-Submitted"); s != nullptr && istarts_with(trim(s->value()), "auto-"))
      return;
  }
  std::vector<FailedRecipient> waiting;
  for (auto it = deferrals_.rbegin(); it != deferrals_.rend(); ++it) {
    Addr* const a = *it;
    if (a->status != Addr::Status::deferred) continue;
    const auto& rcpt = recipient_of(*a);
    if ((rcpt.dsn_notify & 1U) != 0 || (rcpt.dsn_notify != 0 && (rcpt.dsn_notify & 8U) == 0)) continue;
    const auto said_by = spoke_with_.find(a);
    waiting.push_back(describe(*a, '4', said_by != spoke_with_.end() ? &said_by->second : nullptr));
  }
  if (waiting.empty()) return;
  auto m = make_report(eng_, msg_, env.sender, waiting, warning_report(waited_text(after), waiting));
  if (!m) return;  // the next attempt is early enough
  env.warnings_sent = owed;
  changed_ = true;
  made_.push_back(std::move(*m));
}

void Attempt::make_durable() {
  if (unsynced_.empty()) return;
  const auto owed = std::exchange(unsynced_, {});
  const auto results = io::offload([&] {
    std::vector<Status> r;
    for (const auto& [directory, addr] : owed) r.push_back(directory->sync());
    return r;
  });
  for (std::size_t i = 0; i < owed.size(); ++i) {
    if (results[i]) continue;
    Addr& a = *owed[i].second;
    a.status = Addr::Status::deferred;
    a.message = results[i].error().text;
    a.basic_errno = results[i].error().sys_errno;
    next_attempt_ = now_ + 60;
    log_routing(a);
  }
}

bool Attempt::forget_later() {
  if (unsynced_.empty()) return false;
  std::vector<io::UnsyncedPtr> directories;
  for (const auto& owed : unsynced_) directories.push_back(owed.first);
  unsynced_.clear();
  eng_.settler->add(std::move(directories), [store = eng_.store, log = eng_.log, id = msg_.envelope.id,
                                             held = claim](const Status& s) {
    const Status outcome = s ? store->remove(id, false) : s;
    if (!outcome)
      log->write(log::kMain | log::kPanic, id,
                 fmt::format("a delivery is not recorded and will be repeated: {}", outcome.error().text));
  });
  return true;
}

Status Attempt::finish() {
  auto& env = msg_.envelope;
  // One recipient, delivered: a crash before the spool forgets the message repeats that one delivery at most, so that
  // may wait for company. Everything else is recorded now, and so must be on the disk now.
  const bool may_wait = eng_.settler && env.recipients.size() == 1 && all_.size() == 1 && first_trouble() == nullptr &&
                        successes_.empty() && owed_before_.empty();
  if (!may_wait) make_durable();
  time_out();
  handle_failures();
  report_success();
  settle_recipients();
  const bool done = std::all_of(env.recipients.begin(), env.recipients.end(), [](const auto& r) { return r.done; }) &&
                    (!filter_top_ || complete(*filter_top_, Failures::told));
  Status outcome;
  std::string completed;  // said when the bounces are on their way, as Exim does
  if (done) {
    completed = log::completed_line(age_us(), eng_.log->selectors());
    if (!may_wait || !forget_later()) outcome = eng_.store->remove(env.id, env.recipients.size() > 1);
  } else {
    send_warning();
    env.deliver_first_time = false;
    env.manual_thaw = false;
    if (freeze_ && !env.frozen) {
      env.frozen = true;
      env.frozen_at = now_;
      completed = "Frozen" + freeze_reason_;
      if (eng_.config->main.message_logs)
        eng_.store->message_log(env.id, log_timestamp(wall_now()) + " *** " + completed);
      tell_of_freezing();
    }
    // What waits for a queue run comes first: the run looks at the hints of what has a retry time.
    const std::int64_t next = wait_for_run_ ? 0 : next_attempt_ != 0 ? next_attempt_ : now_ + 60;
    outcome = headers_changed_ ? eng_.store->replace(msg_, next) : eng_.store->update(env, next);
  }
  DeliverOptions opt;
  opt.first_attempt = true;
  for (auto& m : made_) (void)deliver_fresh(eng_, std::move(m), opt);
  made_.clear();
  if (!completed.empty()) eng_.log->write(log::kMain, env.id, completed);
  if (done) raise_complete();
  return outcome;
}

}  // namespace remex::delivery
