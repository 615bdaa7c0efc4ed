// remex queue repair; see queue_repair.h.
#include "core/cli/queue_repair.h"

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include "core/cli/modes.h"
#include "core/store/repair.h"

namespace remex::cli {
namespace {

void tell(daemon::Process& p, const std::string& id, const std::string& text) {
  fmt::print("{} {}\n", id, text);
  p.engine.log->write(log::kMain | log::kPanic, id, text);
}

int tell_all(daemon::Process& p, const store::RepairReport& r, const std::string& who) {
  if (r.finished) {
    fmt::print("The repair that was broken off is done; what it said of single messages holds.\n");
    return 0;
  }
  for (const auto& id : r.damaged) tell(p, id, "set aside: a part of it was not readable when the spool was repaired");
  for (const auto& id : r.lost) tell(p, id, "lost: its envelope was on a damaged page of the spool database");
  for (const auto& path : r.found) fmt::print("{}: nobody's now\n", path);
  p.engine.log->write(
      log::kMain | log::kPanic, "",
      fmt::format("spool repaired by {}: {} messages kept, {} set aside, {} lost, {} files in lost+found; "
                  "the damaged database is in {}",
                  who, r.kept, r.damaged.size(), r.lost.size(), r.found.size(), r.original));
  fmt::print(
      "{} message{} kept, {} set aside as damaged, {} lost; {} retry records and {} hints kept.\nThe damaged database "
      "is in {}.\n",
      r.kept, r.kept == 1 ? "" : "s", r.damaged.size(), r.lost.size(), r.retry, r.hints, r.original);
  if (!r.found.empty())
    fmt::print(
        "What was found of lost messages has headers and body; who it was for, the main log may tell (grep the id). "
        "Send it on "
        "with -oi -f SENDER RECIPIENT < FILE.\n");
  return r.damaged.empty() && r.lost.empty() && r.found.empty() ? 0 : 1;
}

}  // namespace

int run_queue_repair(const Options& o, const std::shared_ptr<const lang::Config>& config,
                     const std::vector<std::string>& words) {
  if (!words.empty()) return complain(EX_USAGE, "queue repair takes no arguments: it looks at the whole spool");
  const std::string who = find_caller(*config).login;  // before the rights are given up
  if (geteuid() == 0) {
    auto id = daemon::run_identity(*config);
    if (!id) return complain(EX_CONFIG, id.error().text);
    if (auto st = daemon::become(*id, *config); !st) return complain(EX_OSERR, st.error().text);
  }
  auto report = store::repair_spool(config->main.spool_directory);
  if (!report) return complain(EX_TEMPFAIL, report.error().text);
  return with_process(o, config, false, [&](daemon::Process& p) { return tell_all(p, *report, who); });
}

}  // namespace remex::cli
