// -bp and relatives, -q -R -S queue runs. Output as Exim's, so that exiqgrep, exiqsumm and mailq users feel at home.

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "core/base/ids.h"
#include "core/base/strings.h"
#include "core/cli/modes.h"
#include "core/cli/queue_view.h"
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

void flush(std::string& out) {
  std::fwrite(out.data(), 1, out.size(), stdout);
  out.clear();
}

/// " -R text" and the like, for the log line of a run.
std::string run_label(const Options& o) {
  std::string out = o.queue_two_stage ? " -qq" : o.queue_force || o.queue_force_frozen ? " -q" : "";
  out += o.queue_force_frozen ? "ff" : o.queue_force ? "f" : "";
  if (o.select_recipient.given) out += " -R " + printable(o.select_recipient.text);
  if (o.select_sender.given) out += " -S " + printable(o.select_sender.text);
  return out;
}

}  // namespace

int run_list_queue(const Options& o, std::shared_ptr<const lang::Config> config) {
  const auto has = [&](char c) { return o.list_kind.find(c) != std::string::npos; };
  const Recipients which = has('u') ? Recipients::undelivered : has('a') ? Recipients::generated : Recipients::all;
  for (const auto& id : o.arguments)
    if (!is_message_id(id)) return complain(EXIT_FAILURE, fmt::format("malformed message id {} after -bp option", id));
  return with_process(o, config, true, [&](daemon::Process& p) -> int {
    auto list = p.engine.store->list(!has('i') && !has('c'));
    if (!list) return complain(EX_TEMPFAIL, list.error().text);
    std::erase_if(*list, [&](const auto& e) { return e.queue_name != o.queue_name; });
    if (has('c')) {
      fmt::print("{}\n", list->size());
      return 0;
    }
    const std::int64_t now = wall_seconds();
    std::string out;
    const auto add = [&](const store::QueueEntry& e) {
      out += has('i') ? e.id + "\n" : queue_entry(e, now, which);
      if (out.size() > 60000) flush(out);
    };
    if (o.arguments.empty())
      for (const auto& e : *list) add(e);
    for (const std::string& id : o.arguments) {
      const auto found = std::find_if(list->begin(), list->end(), [&id](const auto& e) { return e.id == id; });
      if (found != list->end())
        add(*found);
      else
        out += fmt::format("      {}\n    *** spool read error: No such file or directory ***\n\n", id);
    }
    flush(out);
    return 0;
  });
}

int run_queue(const Options& o, std::shared_ptr<const lang::Config> config) {
  for (const auto& id : o.arguments)
    if (!is_message_id(id)) return complain(EXIT_FAILURE, fmt::format("bad time value {}: abandoned", printable(id)));
  delivery::QueueRun run;
  auto select = selection(o);
  if (!select) return complain(EX_USAGE, select.error().text);
  run.select = std::move(*select);
  run.queue_name = o.queue_name;
  run.parallel = 64;
  run.look_at_all = true;
  run.each.queue_run = true;
  run.each.force = o.queue_force || o.queue_force_frozen;
  run.each.force_frozen = o.queue_force_frozen;
  run.each.local_only = o.queue_local;
  run.each.untried_only = o.queue_first_only;
  return with_process(o, config, false, [&](daemon::Process& p) -> int {
    const std::string queue = o.queue_name.empty() ? "" : fmt::format("'{}' ", o.queue_name);
    const auto log = [&](const char* what) {
      if (p.engine.log->on(log::Selector::queue_run))
        p.engine.log->write(log::kMain, "",
                            fmt::format("{} {}queue run: pid={}{}", what, queue, getpid(), run_label(o)));
    };
    log("Start");
    const Status st = delivery::run_queue(p.engine, run);
    log("End");
    return st ? 0 : complain(EX_TEMPFAIL, st.error().text);
  });
}

}  // namespace remex::cli
