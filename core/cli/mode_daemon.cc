// -bd, -bdf, -q<time>.

#include <sysexits.h>

#include "core/cli/modes.h"
#include "core/daemon/daemon.h"
#include "core/daemon/registries.h"
#include "lang/diagnostics.h"

#include <fmt/core.h>

namespace remex::cli {

int run_daemon_mode(const Options& o, std::shared_ptr<const lang::Config> config) {
  if (config->main.mua_wrapper) {
    fmt::print(stderr, "remex: a configuration with mua_wrapper is a client's; it cannot run as a daemon\n");
    return EX_CONFIG;
  }
  daemon::DaemonOptions d;
  d.listen = o.listen;
  d.foreground = o.foreground || o.debug || !o.listen;
  auto runners = queue_runners(o);
  if (!runners) return complain(EX_USAGE, runners.error().text);
  d.runners = std::move(*runners);
  d.listen_override = o.listen_override;
  d.pid_file = o.pid_file;
  d.listener_on_stdin = o.listener_on_stdin;
  d.idle_limit = o.idle_limit;
  d.write_pid_file = o.listen || !o.pid_file.empty();
  if (o.debug) d.debug_sink = [](std::string_view line) { fmt::print(stderr, "{}\n", line); };
  d.reload = [&o](std::string& problem) -> std::shared_ptr<const lang::Config> {
    auto files = std::make_shared<lang::SourceFiles>();
    lang::Diagnostics diag(*files);
    lang::LoadOptions lo;
    lo.macros = o.macros;
    lo.warn = false;
    auto fresh = lang::load_config(config_path(o), lo, daemon::all_registries(), diag, files);
    if (!fresh)
      for (const auto& e : diag.all())
        if (e.severity == lang::Severity::error) problem += diag.one_line(e) + "\n";
    return with_syslog_tag(o, std::move(fresh));
  };
  return daemon::run_daemon(std::move(config), d);
}

}  // namespace remex::cli
