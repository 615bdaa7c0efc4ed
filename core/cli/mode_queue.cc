// -bp and relatives, -q -R -S queue runs. Output as Exim's, so that exiqgrep, exiqsumm and mailq users feel at home.

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/cli/submit_client.h"
#include "core/daemon/queue_view.h"
#include "lang/regex.h"

namespace remex::cli {

namespace {

/// The part of a message a selection looks at contains the text, or matches the expression; letters in any case.
Result<std::function<bool(std::string_view)>> text_test(const Options::Select& s) {
  if (!s.is_regex)
    return [needle = to_lower(s.text)](std::string_view t) { return to_lower(t).find(needle) != std::string::npos; };
  auto re = lang::Regex::compile(s.text, true);
  if (!re) return fail(fmt::format("bad regular expression \"{}\": {}", s.text, re.error().text));
  return [re = *re](std::string_view t) {
    auto m = re->search(t, nullptr);
    return m && *m;
  };
}

/// -R, -S and the two ids of -q as one predicate; empty when none was given.
Result<std::function<bool(const store::QueueEntry&)>> selection(const Options& o) {
  std::function<bool(std::string_view)> recipient, sender;
  if (o.select_recipient.given) {
    REMEX_TRY(recipient, text_test(o.select_recipient));
  }
  if (o.select_sender.given) {
    REMEX_TRY(sender, text_test(o.select_sender));
  }
  const std::string from = o.arguments.empty() ? "" : o.arguments[0], to = o.arguments.size() < 2 ? "" : o.arguments[1];
  if (!recipient && !sender && from.empty()) return std::function<bool(const store::QueueEntry&)>();
  return [=](const store::QueueEntry& e) {
    if (!from.empty() && e.id < from) return false;
    if (!to.empty() && e.id > to) return false;
    if (sender && !sender(e.sender)) return false;
    return !recipient || std::any_of(e.recipients.begin(), e.recipients.end(),
                                     [&](const auto& r) { return !r.done && recipient(r.address); });
  };
}

/// " -qff -R text" and the like, for the log line of a run.
std::string run_label(const Options& o, const Options::PeriodicRun& run) {
  std::string out;
  if (run.two_stage) out += "q";
  if (run.first_only) out += "i";
  out += run.force_frozen ? "ff" : run.force ? "f" : "";
  if (run.local) out += "l";
  if (!out.empty()) out.insert(0, " -q");
  const auto add = [&out](char letter, const Options::Select& s) {
    if (s.given) out += fmt::format(" -{}{} {}", letter, s.is_regex ? "r" : "", printable(s.text));
  };
  add('R', o.select_recipient);
  add('S', o.select_sender);
  return out;
}

}  // namespace

int run_list_queue(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!may_read_spool(config->main.spool_directory)) return hand_over(o, config->main.spool_directory);
  const Caller caller = find_caller(*config);
  const bool everything = caller.admin || !config->main.queue_list_requires_admin;
  return with_process(o, config, true, [&](daemon::Process& p) -> int {
    const auto show = [](std::string_view piece) {
      std::fwrite(piece.data(), 1, piece.size(), stdout);
      return Status();
    };
    const Status st = daemon::list_queue(*p.engine.store, o, everything, caller.login, show);
    if (st) return 0;
    return complain(st.error().kind == ErrorKind::failed ? EXIT_FAILURE : EX_TEMPFAIL, st.error().text);
  });
}

Result<std::vector<daemon::QueueRunner>> queue_runners(const Options& o) {
  std::vector<daemon::QueueRunner> out;
  if (o.queue_run_once)
    return fail(
        "-q without a time is a single queue run: it does not go with a daemon, which takes -q<flags><time> and "
        "-q<flags>G<name>/<time>");
  if (!o.periodic.empty() && !o.arguments.empty())
    return fail(
        fmt::format("-q with a time takes no message ids or other arguments: \"{}\"", printable(o.arguments.front())));
  if (o.periodic.empty() && (o.select_recipient.given || o.select_sender.given))
    return fail("-R and -S of a daemon say which messages its queue runs take: a -q with a time is missing");
  for (const auto& p : o.periodic) {
    daemon::QueueRunner r;
    r.interval = p.interval;
    r.queue_name = p.queue_name;
    r.flags = p.flags;
    r.each.force_frozen = p.force_frozen || o.queue_force_frozen;
    r.each.force = p.force || o.queue_force || r.each.force_frozen;
    r.each.local_only = p.local;
    r.each.untried_only = p.first_only;
    Options::PeriodicRun shown = p;
    shown.two_stage = p.two_stage || o.queue_two_stage;
    shown.force = r.each.force;
    shown.force_frozen = r.each.force_frozen;
    r.label = run_label(o, shown);
    REMEX_TRY(r.select, selection(o));
    out.push_back(std::move(r));
  }
  return out;
}

int run_queue(const Options& o, std::shared_ptr<const lang::Config> config) {
  const bool selects = o.select_recipient.given || o.select_sender.given;
  for (const auto& id : o.arguments) {
    if (is_message_id(id) && !selects && o.arguments.size() <= 2) continue;
    if (selects || &id != &o.arguments.front())
      return complain(EXIT_FAILURE, "incompatible command-line options or arguments");
    return complain(EXIT_FAILURE, fmt::format("bad time value {}: abandoned", printable(id)));
  }
  delivery::QueueRun run;
  auto select = selection(o);
  if (!select) return complain(EXIT_FAILURE, select.error().text);
  run.select = std::move(*select);
  run.queue_name = o.queue_name;
  run.parallel = o.verbose ? 1 : 64;  // what is shown has one order
  run.look_at_all = true;
  run.each.queue_run = true;
  run.each.force = o.queue_force || o.queue_force_frozen;
  run.each.force_frozen = o.queue_force_frozen;
  run.each.local_only = o.queue_local;
  run.each.untried_only = o.queue_first_only;
  return with_process(o, config, false, [&](daemon::Process& p) -> int {
    const std::string label = run_label(
        o, {0, "", "", o.queue_two_stage, o.queue_force, o.queue_force_frozen, o.queue_local, o.queue_first_only});
    const auto log = [&](const char* what) {
      if (p.engine.log->on(log::Selector::queue_run))
        p.engine.log->write(log::kMain, "", delivery::run_line(what, o.queue_name, label));
    };
    log("Start");
    const Status st = delivery::run_queue(p.engine, run);
    log("End");
    return st ? 0 : complain(EX_TEMPFAIL, st.error().text);
  });
}

}  // namespace remex::cli
