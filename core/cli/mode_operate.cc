// remex queue, remex why, remex host: the queue and the retry hints for people, with questions instead of pipes of
// grep. Exim's own commands (-bp, -M...) stay beside them.

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/cli/queue_import.h"
#include "core/cli/queue_query.h"
#include "core/cli/queue_repair.h"
#include "core/daemon/queue_view.h"
#include "core/delivery/message_log.h"
#include "core/delivery/retry.h"
#include "core/mail/address.h"
#include "core/mail/freezing.h"

namespace remex::cli {

using daemon::age_text;
using daemon::size_text;
using daemon::span_text;

namespace {

constexpr const char* kQueueUsage =
    "Usage: remex queue [-C FILE] [VERB] [QUESTION]\n"
    "Verbs: list (when none is given), ids, count, show, retry, freeze, thaw, remove, bounce,\n"
    "       redirect ADDRESS, export DIRECTORY, import EXIM-SPOOL-DIRECTORY (no question),\n"
    "       repair (no question: a damaged spool, while remex does not run)\n"
    "Question: domain=gmail.com and age>1h and error~\"421\"; fields id sender recipient domain queue error\n"
    "       age next size recipients, bare words frozen damaged bounce due; operators = != ~ !~ < > <= >=, and or not "
    "( )\n";

std::string history_of(daemon::Process& p, const std::string& id) {
  auto text = p.engine.store->read_message_log(id);
  return text ? *text : std::string();
}

std::string in_text(std::int64_t when, std::int64_t now) {
  return when <= now ? std::string("now") : "in " + span_text(when - now);
}

/// The last thing the message's log says about an address, without its time.
std::string last_word(const std::string& history, const std::string& address) {
  std::string found;
  for (const auto line : split(history, '\n'))
    if (line.size() > 20 && line.find(address) != std::string_view::npos) found = line.substr(20);
  return found;
}

class QueueCommand {
 public:
  QueueCommand(daemon::Process& p, std::string who) : p_(p), who_(std::move(who)), now_(wall_seconds()) {}

  int run(const std::string& verb, const std::string& argument, const QueueQuery& query) {
    auto all = p_.engine.store->list(true);
    if (!all) return complain(EX_TEMPFAIL, all.error().text);
    const QueryFacts facts{now_, [&](const std::string& id) { return history_of(p_, id); }};
    std::erase_if(*all, [&](const auto& e) { return !query.matches(e, facts); });
    if (verb == "count") {
      fmt::print("{}\n", all->size());
      return 0;
    }
    int worst = 0;
    for (const auto& e : *all) worst = std::max(worst, one(verb, argument, e));
    if (verb == "list" && all->empty()) fmt::print("No such message.\n");
    if (const std::string damage = p_.engine.store->take_damage(); !damage.empty())
      return complain(EX_TEMPFAIL, damage);
    return worst;
  }

  void show(const store::QueueEntry& e) {
    const std::string history = history_of(p_, e.id);
    fmt::print("{}: {} from <{}>, {} in the queue{}\n", e.id, trim(size_text(e.size)), printable(e.sender),
               span_text(now_ - e.received), e.queue_name.empty() ? "" : " '" + printable(e.queue_name) + "'");
    if (e.damaged)
      show_damage(e.id);
    else if (e.frozen)
      show_frozen(e.id);
    else
      fmt::print("  next attempt {}\n", in_text(e.next_attempt, now_));
    for (const auto& r : e.recipients) {
      fmt::print("  {} {}\n", r.done ? "done   " : "waiting", printable(r.address));
      if (r.done) continue;
      const std::string said = last_word(history, r.address);
      if (!said.empty()) fmt::print("          last: {}\n", printable(said));
      const std::string domain = r.address.substr(std::min(r.address.size(), r.address.rfind('@') + 1));
      for (const auto& key :
           {"R:" + domain, "R:" + r.address, "T:" + r.address, fmt::format("R:{}:<{}>", r.address, e.sender)})
        hint(key);
      host_hint(said);
    }
  }

 private:
  void hint(const std::string& key) {
    auto rec = p_.engine.store->get_retry(key);
    if (!rec || !*rec) return;
    const auto& h = **rec;
    fmt::print("          {}: failing for {}, tried {} ago, next {}: {}\n",
               h.key.starts_with("R:") ? "routing" : "delivery", span_text(now_ - h.first_failed),
               span_text(now_ - h.last_try), h.expired ? "never (expired)" : in_text(h.next_try, now_),
               printable(h.error_text));
  }

  void show_frozen(const std::string& id) {
    const auto m = p_.engine.store->load(id);
    const auto by = m ? m->envelope.saved.find(mail::kFrozenBy) : decltype(m->envelope.saved.end()){};
    const std::string who = m && by != m->envelope.saved.end() ? " " + printable(by->second) : "";
    const std::string when =
        m && m->envelope.frozen_at > 0 ? fmt::format(" {} ago", span_text(now_ - m->envelope.frozen_at)) : "";
    fmt::print("  frozen{}{}\n", when, who);
    fmt::print(
        "  no attempts are made until it is thawed: -Mt {0} does that, -M {0} also makes an attempt, -Mg {0} returns "
        "it to its sender, -Mrm {0} removes it\n",
        id);
  }

  void show_damage(const std::string& id) {
    const auto m = p_.engine.store->load(id);
    if (m)
      fmt::print("  set aside as damaged, and whole again now: -M {} delivers it\n", id);
    else
      fmt::print("  set aside: {}\n", printable(delivery::load_advice(id, m.error())));
  }

  /// The hint of the host a log line speaks of ("H=name [ip]").
  void host_hint(const std::string& line) {
    const auto h = line.find("H="), open = line.find('[', h), close = line.find(']', open);
    if (h == std::string::npos || open == std::string::npos || close == std::string::npos) return;
    const std::string name(trim(std::string_view(line).substr(h + 2, open - h - 2)));
    const std::string prefix = fmt::format("T:{}:{}", to_lower(name), line.substr(open + 1, close - open - 1));
    auto all = p_.engine.store->all_retry();
    if (!all) return;
    for (const auto& rec : *all)
      if (rec.key.starts_with(prefix)) hint(rec.key);
  }

  int one(const std::string& verb, const std::string& argument, const store::QueueEntry& e) {
    if (verb == "ids") {
      fmt::print("{}\n", e.id);
    } else if (verb == "list") {
      std::string to;
      std::size_t waiting = 0;
      for (const auto& r : e.recipients)
        if (!r.done && ++waiting == 1) to = r.address;
      fmt::print("{} {} {} <{}> -> {}{}{}\n", e.id, age_text(now_ - e.received), size_text(e.size), printable(e.sender),
                 to.empty() ? "nobody" : printable(to), waiting > 1 ? fmt::format(" and {} more", waiting - 1) : "",
                 e.damaged  ? " (damaged)"
                 : e.frozen ? " (frozen)"
                            : fmt::format(" (next {})", in_text(e.next_attempt, now_)));
    } else if (verb == "show") {
      show(e);
    } else if (verb == "retry" || verb == "bounce") {
      if (auto there = p_.engine.store->load(e.id); !there && there.error().kind != ErrorKind::not_found) {
        delivery::cannot_load(p_.engine, e.id, there.error());
        return complain(1, delivery::load_advice(e.id, there.error()));
      }
      delivery::DeliverOptions opt;
      opt.force = opt.force_frozen = opt.thaw = verb == "retry";
      opt.give_up = verb == "bounce";
      if (opt.give_up) p_.engine.log->write(log::kMain, e.id, "cancelled by " + who_);
      if (const Status st = delivery::deliver_message(p_.engine, e.id, opt); !st)
        return complain(1, fmt::format("{}: {}", e.id, st.error().text));
    } else {
      return change(verb, argument, e);
    }
    return 0;
  }

  int change(const std::string& verb, const std::string& argument, const store::QueueEntry& e) {
    auto& store = *p_.engine.store;
    auto claim = store.claim(e.id);
    if (!claim) return complain(1, claim.error().text);
    if (!*claim) return complain(1, fmt::format("{} is being delivered just now", e.id));
    auto m = store.load(e.id);
    const bool damaged = !m && m.error().kind == ErrorKind::failed;
    if (!m && m.error().kind == ErrorKind::not_found) return 0;
    if (!m && !(damaged && verb == "remove")) return complain(1, delivery::load_advice(e.id, m.error()));
    if (damaged) (void)store.set_aside(e.id);
    Status st;
    std::string note;
    if (verb == "export") {
      st = save(*m, argument);
    } else if (verb == "remove") {
      if (m) delivery::keep_message_log(p_.engine, m->envelope);
      st = store.remove(e.id, true);
      note = "removed by " + who_;
    } else if (verb == "redirect") {
      for (auto& r : m->envelope.recipients) r.done = true;
      m->envelope.recipients.emplace_back().address = argument;
      st = store.replace(*m, 0);
      note = fmt::format("waiting recipients redirected to <{}> by {}", argument, who_);
    } else {
      const bool freeze = verb == "freeze";
      if (m->envelope.frozen == freeze) return 0;
      if (freeze)
        mail::freeze(m->envelope, now_, "by " + who_);
      else
        mail::thaw(m->envelope, true);
      st = store.update(m->envelope, 0);
      note = fmt::format("{} by {}", freeze ? "frozen" : "unfrozen", who_);
    }
    if (!st) return complain(1, fmt::format("{}: {}", e.id, st.error().text));
    if (!note.empty()) p_.engine.log->write(log::kMain, e.id, note);
    if (verb == "remove") p_.engine.log->write(log::kMain, e.id, "Completed");
    fmt::print("{}\n", e.id);
    return 0;
  }

  /// One .eml file: the envelope as two header lines, then the message as it is kept.
  Status save(const store::StoredMessage& m, const std::string& directory) {
    const std::string path = directory + "/" + m.envelope.id + ".eml";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(fmt::format("cannot create {}: {}", path, strerror(errno)));
    FILE* f = fdopen(fd, "w");
    if (f == nullptr) {
      ::close(fd);
      return fail(fmt::format("cannot create {}: {}", path, strerror(errno)));
    }
    std::string to;
    for (const auto& r : m.envelope.recipients)
      if (!r.done) to += (to.empty() ? "" : ",\n\t") + printable(r.address);
    const auto write = [&](std::string_view piece) -> Status {
      if (std::fwrite(piece.data(), 1, piece.size(), f) == piece.size()) return {};
      return fail(fmt::format("writing {}: {}", path, strerror(errno)));
    };
    Status st = write(
        fmt::format("Return-path: <{}>\nEnvelope-to: {}\n{}\n", printable(m.envelope.sender), to, m.headers.raw()));
    if (st) st = m.body->for_each(write);
    if (std::fclose(f) != 0 && st) st = fail(fmt::format("writing {}: {}", path, strerror(errno)));
    if (!st) ::unlink(path.c_str());  // half a message is none, and a second try shall find no file
    return st;
  }

  daemon::Process& p_;
  std::string who_;
  std::int64_t now_;
};

int run_queue_command(const Options& o, const std::shared_ptr<const lang::Config>& config) {
  static constexpr std::string_view kVerbs[] = {"list", "ids",    "count",  "show",     "retry", "freeze",
                                                "thaw", "remove", "bounce", "redirect", "export"};
  std::vector<std::string> words(o.arguments.begin() + 1, o.arguments.end());
  std::string verb = "list", argument;
  if (!words.empty() && (words.front() == "--help" || words.front() == "-h")) {
    fmt::print("{}", kQueueUsage);
    return 0;
  }
  if (!words.empty() && words.front() == "repair") return run_queue_repair(o, config, {words.begin() + 1, words.end()});
  if (!words.empty() && words.front() == "import") return run_queue_import(o, config, {words.begin() + 1, words.end()});
  if (!words.empty() && std::find(std::begin(kVerbs), std::end(kVerbs), words.front()) != std::end(kVerbs)) {
    verb = words.front();
    words.erase(words.begin());
  }
  if (verb == "redirect" || verb == "export") {
    if (words.empty()) return complain(EX_USAGE, fmt::format("queue {} needs an argument\n{}", verb, kQueueUsage));
    argument = words.front();
    words.erase(words.begin());
  }
  if (verb == "redirect") {
    auto a = mail::parse_path(argument, {});
    if (!a || a->domain.empty())
      return complain(EX_USAGE, fmt::format("\"{}\" is not an address with a domain", printable(argument)));
    argument = a->str();
  }
  const bool changes = verb != "list" && verb != "ids" && verb != "count" && verb != "show";
  if (words.empty() && changes)
    return complain(EX_USAGE,
                    fmt::format("queue {} needs a question that says which messages are meant; id=* means all", verb));
  auto query = QueueQuery::parse(join(words, " "));
  if (!query) return complain(EX_USAGE, fmt::format("{}\n{}", query.error().text, kQueueUsage));
  const std::string who = find_caller(*config).login;  // before the rights are given up
  return with_process(o, config, !changes,
                      [&](daemon::Process& p) { return QueueCommand(p, who).run(verb, argument, *query); });
}

int run_why(const Options& o, const std::shared_ptr<const lang::Config>& config) {
  if (o.arguments.size() < 2) return complain(EX_USAGE, "Usage: remex why [-C FILE] MESSAGE-ID...");
  return with_process(o, config, true, [&](daemon::Process& p) -> int {
    auto all = p.engine.store->list(true);
    if (!all) return complain(EX_TEMPFAIL, all.error().text);
    int rc = 0;
    for (std::size_t i = 1; i < o.arguments.size(); ++i) {
      const auto e = std::find_if(all->begin(), all->end(), [&](const auto& x) { return x.id == o.arguments[i]; });
      if (e != all->end())
        QueueCommand(p, "").show(*e);
      else
        rc = complain(1,
                      fmt::format("{} is not in the queue: delivered, bounced or removed; the main log tells (grep {})",
                                  printable(o.arguments[i]), printable(o.arguments[i])));
    }
    return rc;
  });
}

/// What a retry record is about, from its key: "T:host:ip[:port]", "R:domain", "R:local@domain[:<sender>]",
/// "T:address".
struct HintSubject {
  std::string host, ip;         ///< of a host's; the rest of the key may follow the address
  std::string address, domain;  ///< of an address's, or the domain alone
  std::optional<std::string> sender{};

  explicit HintSubject(std::string_view key) {
    std::string_view rest = key.substr(std::min<std::size_t>(key.size(), 2));
    if (const auto from = rest.find(":<"); from != std::string_view::npos && rest.ends_with('>')) {
      sender = rest.substr(from + 2, rest.size() - from - 3);
      rest = rest.substr(0, from);
    }
    if (const auto at = rest.rfind('@'); at != std::string_view::npos) {
      address = rest;
      domain = rest.substr(at + 1);
    } else if (key.starts_with("R:")) {
      domain = rest;
    } else {
      const auto colon = rest.find(':');
      host = rest.substr(0, colon);
      if (colon != std::string_view::npos) ip = rest.substr(colon + 1);
    }
  }
  /// `name` is the host, its address, the address or its domain; in lower case.
  bool is(const std::string& name) const {
    if (to_lower(host) == name || to_lower(domain) == name || to_lower(address) == name) return !name.empty();
    return mail::is_ip_address(name) && ip.starts_with(name) && (ip.size() == name.size() || ip[name.size()] == ':');
  }
  /// As retry rules see it.
  std::string subject() const { return !address.empty() ? address : "*@" + (host.empty() ? domain : host); }
};

/// The rule that says when it is tried again. A host's is looked for by its name first, then by the domain of the
/// address, which a record does not tell.
std::string rule_in_force(daemon::Process& p, const std::string& subject, const std::string& error,
                          const std::optional<std::string>& sender) {
  LocalScope local(p);
  const auto* rule = delivery::find_rule(*p.engine.config, local.scope, subject, {}, error, sender);
  return rule == nullptr ? "none by that name: its failures are final" : retry_rule_text(*rule);
}

int run_host(const Options& o, const std::shared_ptr<const lang::Config>& config) {
  bool reset = false;
  std::vector<std::string> names;
  for (std::size_t i = 1; i < o.arguments.size(); ++i)
    if (o.arguments[i] == "--reset")
      reset = true;
    else
      names.push_back(to_lower(o.arguments[i]));
  if (names.empty()) return complain(EX_USAGE, "Usage: remex host [-C FILE] [--reset] NAME-OR-ADDRESS...");
  return with_process(o, config, !reset, [&](daemon::Process& p) -> int {
    auto all = p.engine.store->all_retry();
    if (!all) return complain(EX_TEMPFAIL, all.error().text);
    const std::int64_t now = wall_seconds();
    int rc = 0;
    for (const auto& name : names) {
      bool found = false;
      for (const auto& h : *all) {
        const HintSubject about(h.key);
        if (!about.is(name)) continue;
        found = true;
        fmt::print("{}\n  retry rule: {}\n  failing for {}, tried {} ago, next {}\n  {}{}\n", printable(h.key),
                   printable(trim(rule_in_force(p, about.subject(), h.error, about.sender))),
                   span_text(now - h.first_failed), span_text(now - h.last_try),
                   h.expired ? "with the next new message (its retry time is over)" : in_text(h.next_try, now),
                   h.error.empty() ? "" : h.error + ": ", printable(h.error_text));
        if (!reset) continue;
        if (auto st = p.engine.store->delete_retry(h.key); !st) rc = complain(1, st.error().text);
        fmt::print("  forgotten\n");
      }
      if (!found)
        fmt::print("{}: nothing is held against it\n  retry rule: {}\n", printable(name),
                   printable(trim(rule_in_force(p, name.find('@') == std::string::npos ? "*@" + name : name, "", {}))));
    }
    return rc;
  });
}

}  // namespace

int run_operate(const Options& o, std::shared_ptr<const lang::Config> config) {
  const std::string& what = o.arguments.front();
  if (what == "why") return run_why(o, config);
  if (what == "host") return run_host(o, config);
  return run_queue_command(o, config);
}

}  // namespace remex::cli
