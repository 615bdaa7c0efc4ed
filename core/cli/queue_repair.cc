// remex queue repair; see queue_repair.h.
#include "core/cli/queue_repair.h"

#include <fmt/core.h>
#include <sysexits.h>
#include <unistd.h>

#include <string_view>

#include "core/cli/modes.h"
#include "core/store/repair.h"

namespace remex::cli {
namespace {

constexpr std::string_view kDamaged = "set aside: a part of it was not readable when the spool was repaired";
constexpr std::string_view kLost = "lost: its envelope was on a damaged page of the spool database";

void print_report(const store::RepairReport& r) {
  for (const auto& id : r.damaged) fmt::print("{} {}\n", id, kDamaged);
  for (const auto& id : r.lost) fmt::print("{} {}\n", id, kLost);
  for (const auto& path : r.found) fmt::print("{}: nobody's now\n", path);
  fmt::print(
      "{} message{} kept, {} set aside as damaged, {} lost; {} retry records and {} hints kept.\nThe damaged database "
      "is in {}.\n",
      r.kept, r.kept == 1 ? "" : "s", r.damaged.size(), r.lost.size(), r.retry, r.hints, r.original);
  if (!r.found.empty())
    fmt::print(
        "What was found of lost messages has headers and body; who it was for, the main log may tell (grep the id). "
        "Send it on with -oi -f SENDER RECIPIENT < FILE.\n");
}

void log_report(log::Log& log, const store::RepairReport& r, const std::string& who) {
  for (const auto& id : r.damaged) log.write(log::kMain | log::kPanic, id, kDamaged);
  for (const auto& id : r.lost) log.write(log::kMain | log::kPanic, id, kLost);
  log.write(log::kMain | log::kPanic, "",
            fmt::format("spool repaired by {}: {} messages kept, {} set aside, {} lost, {} files in lost+found; "
                        "the damaged database is in {}",
                        who, r.kept, r.damaged.size(), r.lost.size(), r.found.size(), r.original));
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
  if (report->finished) {
    fmt::print(
        "The repair that was broken off is done; what it said of single messages holds. What it set aside \"remex "
        "queue "
        "damaged\" lists, and headers and bodies of lost messages are in {}/lost+found.\n",
        config->main.spool_directory);
    return 0;
  }
  print_report(*report);  // first: whatever keeps the spool from being used, this is known
  if (!report->not_in_place.empty())
    return complain(EX_TEMPFAIL, fmt::format("the new database is made, but could not be put in place: {}; until "
                                             "\"remex queue repair\" ends that, the spool cannot be used",
                                             report->not_in_place));
  return with_process(o, config, false, [&](daemon::Process& p) {
    log_report(*p.engine.log, *report, who);
    return report->damaged.empty() && report->lost.empty() && report->found.empty() ? 0 : 1;
  });
}

}  // namespace remex::cli
