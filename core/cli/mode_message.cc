// -M...: actions on single messages. Texts and exit statuses are Exim's (0 done, 1 not done), so that scripts around
// them keep working.

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/cli/submit_client.h"
#include "core/daemon/queue_remove.h"
#include "core/delivery/message_log.h"
#include "core/mail/address.h"
#include "core/mail/exim_spool.h"
#include "core/mail/freezing.h"

namespace remex::cli {

namespace {

/// One action on one message, with what it needs at hand.
class Action {
 public:
  Action(daemon::Process& p, const Options& o, const std::string& id, const Caller& caller)
      : p_(p), store_(*p.engine.store), o_(o), id_(id), who_(caller.login), caller_(caller) {}

  int run() {
    const std::string& a = o_.message_action;
    if (a == "vl") return show_log();
    if (a == "vh" || a == "vb" || a == "vc") return show(a);
    if (a.empty() || a == "c" || a == "g") return deliver();
    if (a == "rm") {
      const auto to = [](std::FILE* f) { return [f](std::string_view t) { std::fwrite(t.data(), 1, t.size(), f); }; };
      return daemon::remove_message(p_, id_, caller_, {to(stdout), to(stderr)});
    }
    auto c = store_.claim(id_);
    if (!c) return complain(1, fmt::format("{}: {}", id_, c.error().text));
    claim_ = std::move(*c);
    auto m = store_.load(id_);
    if (!m && m.error().kind == ErrorKind::not_found) return missing("Spool data file for", m.error());
    if (!claim_) return say(1, "Message {} is locked", id_);
    if (!m) return missing("", m.error());
    m_ = std::move(*m);
    if (a == "f" || a == "t") return freeze(a == "f");
    if (a == "G") return move_to(o_.queue_target);
    return edit(a);
  }

 private:
  template <class... T>
  int say(int rc, fmt::format_string<T...> text, T&&... args) {
    fmt::print("{}\n", fmt::format(text, std::forward<T>(args)...));
    return rc;
  }
  int missing(std::string_view what, const Error& e) {
    if (e.kind != ErrorKind::not_found) return complain(1, delivery::load_advice(id_, e));
    return say(1, "{} {} does not exist", what, id_);
  }
  void log(const std::string& line) { p_.engine.log->write(log::kMain, id_, line); }

  int show_log() {
    auto m = store_.load(id_);
    if (!m && m.error().kind == ErrorKind::not_found)
      return say(1, "Failed to open msglog file for {}: No such file or directory", id_);
    auto text = store_.read_message_log(id_);
    if (!text) return complain(1, text.error().text);
    fmt::print("{}\n{}", m ? delivery::received_line(m->envelope) : delivery::load_advice(id_, m.error()), *text);
    return 0;
  }

  int show(std::string_view what) {
    auto m = store_.load(id_);
    if (!m && m.error().kind == ErrorKind::not_found)
      return say(1, "Failed to open input file for {}-{}: No such file or directory", id_, what == "vb" ? "D" : "H");
    if (!m) return missing("", m.error());
    if (what == "vh") {
      fmt::print("{}", mail::exim_header_file(m->envelope, m->headers, p_.engine.config->main.primary_hostname));
      return 0;
    }
    fmt::print("{}\n", what == "vb" ? id_ + "-D" : m->headers.raw());
    const Status st = m->body->for_each([](std::string_view piece) -> Status {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      return {};
    });
    return st ? 0 : complain(1, st.error().text);
  }

  int deliver() {
    if (auto there = store_.load(id_); !there) {
      if (there.error().kind != ErrorKind::not_found) delivery::cannot_load(p_.engine, id_, there.error());
      return missing("Spool data file for", there.error());
    }
    delivery::DeliverOptions opt;
    const std::string& a = o_.message_action;
    opt.force = opt.force_frozen = opt.thaw = a.empty();
    opt.give_up = a == "g";
    if (opt.give_up) log(fmt::format("cancelled by {}", who_));
    const Status st = delivery::deliver_message(p_.engine, id_, opt);
    return st ? 0 : complain(1, fmt::format("{}: {}", id_, st.error().text));
  }

  int freeze(bool on) {
    auto& e = m_.envelope;
    if (e.frozen == on) return say(1, "Message {} is {}frozen", id_, on ? "already " : "not ");
    if (on)
      mail::freeze(e, wall_seconds(), "by " + who_);
    else
      mail::thaw(e, true);
    if (auto st = store_.update(e, 0); !st) return complain(1, st.error().text);
    log(fmt::format("{} by {}", on ? "frozen" : "unfrozen", who_));
    return say(0, "Message {} {}", id_, on ? "is now frozen" : "is no longer frozen");
  }

  int move_to(const std::string& queue) {
    const std::string from = m_.envelope.queue_name;
    m_.envelope.queue_name = queue;
    if (auto st = store_.update(m_.envelope, 0); !st) return complain(1, st.error().text);
    log(fmt::format("moved from queue '{}' to queue '{}' by {}", from, queue, who_));
    return say(0, "Message {} is in queue '{}' now", id_, queue);
  }

  /// The reason an edit is refused, or nothing.
  Status change(std::string_view action, std::vector<std::string>& notes) {
    auto& env = m_.envelope;
    const std::vector<std::string> rest(o_.arguments.begin() + 1, o_.arguments.end());
    const auto qualified = [](const std::string& text) -> Result<std::string> {
      mail::PathOptions options;
      options.allow_unqualified = true;
      auto a = mail::parse_path(text, options);
      if (!a) return fail(fmt::format("bad address {}: {}", printable(text), a.error().text));
      if (a->domain.empty()) return fail(fmt::format("bad address {}: domain missing", printable(text)));
      return a->str();
    };
    if (action == "mad") {
      for (auto& r : env.recipients) {
        r.done = true;
        notes.push_back(fmt::format("address <{}> marked delivered by {}", r.address, who_));
      }
    } else if (action == "md") {
      if (rest.empty()) return fail("no address was given");
      for (const auto& a : rest) {
        const auto r =
            std::find_if(env.recipients.begin(), env.recipients.end(), [&](const auto& x) { return x.address == a; });
        if (r == env.recipients.end()) return fail(fmt::format("{} is not a recipient: message not updated", a));
        r->done = true;
        notes.push_back(fmt::format("address <{}> marked delivered by {}", a, who_));
      }
    } else if (action == "ar") {
      if (rest.empty()) return fail("no address was given");
      for (const auto& a : rest) {
        REMEX_TRY(auto address, qualified(a));
        notes.push_back(fmt::format("recipient <{}> added by {}", address, who_));
        env.recipients.emplace_back().address = std::move(address);
      }
    } else if (action == "es") {
      if (rest.size() != 1) return fail("exactly one sender address is needed");
      env.sender.clear();
      if (rest.front() != "<>") {
        REMEX_TRY(env.sender, qualified(rest.front()));
      }
      notes.push_back(fmt::format("sender address changed to <{}> by {}", env.sender, who_));
    }
    return {};
  }

  int edit(std::string_view action) {
    std::vector<std::string> notes;
    if (auto st = change(action, notes); !st)
      return say(1, "Message {} - error while {}:\n  {}", id_,
                 action == "es"   ? "editing sender"
                 : action == "ar" ? "adding recipients"
                                  : "marking as delivered",
                 st.error().text);
    if (auto st = store_.replace(m_, 0); !st) return complain(1, st.error().text);
    for (const auto& n : notes) log(n);
    return say(0, "Message {} has been modified", id_);
  }

  daemon::Process& p_;
  store::Store& store_;
  const Options& o_;
  std::string id_, who_;
  const Caller& caller_;
  std::unique_ptr<store::Claim> claim_;
  store::StoredMessage m_;
};

}  // namespace

int run_message(const Options& o, std::shared_ptr<const lang::Config> config) {
  const std::string option = "-M" + o.message_action;
  if (o.arguments.empty()) return complain(1, fmt::format("no message ids given after {} option", option));
  // The first argument only is a message; the others are addresses.
  const bool one = o.message_action == "ar" || o.message_action == "md" || o.message_action == "es";
  const std::size_t n = one ? 1 : o.arguments.size();
  for (std::size_t i = 0; i < n; ++i)
    if (!is_message_id(o.arguments[i]))
      return complain(1, fmt::format("malformed message id {} after {} option", printable(o.arguments[i]), option));
  if (can_hand_over(o) && !may_write_spool(config->main.spool_directory))
    return hand_over(o, config->main.spool_directory);
  const Caller caller = find_caller(*config);
  return with_process(o, config, o.message_action.starts_with("v"), [&](daemon::Process& p) -> int {
    int worst = 0;
    for (std::size_t i = 0; i < n; ++i) worst = std::max(worst, Action(p, o, o.arguments[i], caller).run());
    return worst;
  });
}

}  // namespace remex::cli
