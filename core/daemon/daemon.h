// The daemon (-bd, -bdf, -q<time>): listeners, sessions, deliveries, queue runs, reload (SIGHUP), drain (SIGTERM).
//
// The process that is started becomes the master (supervisor.h): it binds the ports, forks a worker (worker.h), and
// starts it again when it ends unexpectedly. Started by root, the worker becomes exim_user for good; started by anyone
// else all stay who they are.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/daemon/scheduler.h"
#include "lang/config.h"

namespace remex::daemon {

struct DaemonOptions {
  bool listen = true;                ///< -bd / -bdf; false: only queue runs
  bool foreground = true;            ///< -bdf (or -d): does not detach
  std::vector<QueueRunner> runners;  ///< -q with times
  std::string listen_override;       ///< -oX
  bool listener_on_stdin = false;    ///< -bw: serves the listening socket that is its standard input
  std::int64_t idle_limit = 0;       ///< -bw TIME: seconds without a client after which it ends; 0 = never
  std::string pid_file;              ///< -oP; empty: pid_file_path
  bool write_pid_file = true;
  std::function<void(std::string_view)> debug_sink;
  /// Loads the configuration again (SIGHUP). Null result: refused, text says why.
  std::function<std::shared_ptr<const lang::Config>(std::string& problem)> reload;
};

/// Runs until SIGTERM. Returns a sysexits code; problems at start go to stderr.
int run_daemon(std::shared_ptr<const lang::Config> config, const DaemonOptions& opt);

}  // namespace remex::daemon
