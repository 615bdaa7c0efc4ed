// Helpers shared by the modes: configuration, caller, scope.

#include <fmt/core.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "core/base/strings.h"
#include "core/cli/config_fault.h"
#include "core/cli/modes.h"
#include "core/daemon/courier.h"
#include "core/daemon/local_user.h"
#include "core/daemon/registries.h"
#include "core/hooks/hooks.h"
#include "core/io/fiber.h"
#include "core/mail/address.h"
#include "lang/diagnostics.h"
#include "lang/exim_wording.h"
#include "lang/regex.h"
#include "routers/router.h"

namespace remex::cli {

std::string config_path(const Options& o) { return o.config_file.empty() ? "/etc/remex/remex.conf" : o.config_file; }

std::shared_ptr<const lang::Config> with_syslog_tag(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (!config || o.syslog_tag.empty()) return config;
  const auto own = std::const_pointer_cast<lang::Config>(std::move(config));  // made as changeable, and ours alone
  own->main.log_file_path = {"syslog"};
  own->main.syslog_processname = o.syslog_tag;
  std::erase_if(own->main_given, [](const auto& g) { return g.def->name == "log_file_path"; });  // for -bP
  return own;
}

std::shared_ptr<const lang::Config> load(const Options& o, bool warnings) {
  auto files = std::make_shared<lang::SourceFiles>();
  lang::Diagnostics diag(*files);
  lang::LoadOptions lo;
  lo.macros = o.macros;
  lo.warn = warnings;
  std::shared_ptr<const lang::Config> refused;
  lo.refused = &refused;
  auto config = lang::load_config(config_path(o), lo, daemon::all_registries(), diag, files);
  if (!config && hooks::active()) {
    tell_config_fault(o, lang::exim_wording(diag), refused.get());
    return nullptr;
  }
  if ((!config || (warnings && !diag.all().empty())) && !hooks::active()) {
    const std::string text = diag.render();
    fmt::print(stderr, "{}", text);
  }
  return with_syslog_tag(o, std::move(config));
}

int complain(int code, std::string_view text) {
  fmt::print(stderr, "{}: {}\n", hooks::program(), text);
  return code;
}

int with_process(const Options& o, const std::shared_ptr<const lang::Config>& config, bool read_only,
                 const std::function<int(daemon::Process&)>& f) {
  daemon::ProcessOptions po;
  po.verbose = o.verbose;
  if (!read_only) po.courier = start_courier(config);
  if (geteuid() == 0) {
    auto id = daemon::run_identity(*config);
    if (!id) return complain(EX_CONFIG, id.error().text);
    if (auto st = daemon::become(*id, *config); !st) return complain(EX_OSERR, st.error().text);
  }
  return io::run_loop([&]() -> int {
    po.store_read_only = read_only;
    auto p = daemon::Process::create(config, po);
    if (!p) return complain(EX_TEMPFAIL, p.error().text);
    enable_debug(o, **p);
    return f(**p);
  });
}

Caller find_caller(const lang::Config& config) {
  std::vector<gid_t> groups(static_cast<std::size_t>(std::max(0, getgroups(0, nullptr))));
  const int n = getgroups(static_cast<int>(groups.size()), groups.data());
  groups.resize(static_cast<std::size_t>(std::max(0, n)));
  daemon::EximUser own;
  // Nobody borrows rights here: what belongs to the caller he may administer, as the Exim user of it.
  struct stat spool{};
  const bool there = stat(config.main.spool_directory.c_str(), &spool) == 0;
  own.is_caller = getuid() == geteuid() && (there ? spool.st_uid == getuid() : errno == ENOENT);
  if (const auto id = daemon::run_identity(config)) {
    own.uid = id->uid;
    own.gid = id->gid;
  }
  auto caller = daemon::identify_caller(config, getuid(), getgid(), std::move(groups), own);
  if (caller) return std::move(*caller);
  complain(EX_TEMPFAIL, caller.error().text + ": try again later");
  std::fflush(nullptr);
  ::_exit(EX_TEMPFAIL);
}

std::shared_ptr<io::Courier> start_courier(std::shared_ptr<const lang::Config> config) {
  if (geteuid() != 0) return nullptr;
  auto courier = daemon::make_courier(std::move(config), nullptr);
  if (!courier) fmt::print(stderr, "remex: no courier process: {}\n", courier.error().text);
  return courier ? *courier : nullptr;
}

std::shared_ptr<io::Courier> start_routing_courier(std::shared_ptr<const lang::Config> config) {
  return routers::may_ask_courier(*config) ? start_courier(std::move(config)) : nullptr;
}

void enable_debug(const Options& o, daemon::Process& p) {
  if (o.debug) p.services->debug_sink = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
}

}  // namespace remex::cli
