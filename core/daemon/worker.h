// The worker process of the daemon: sessions, deliveries, queue runs, reload (SIGHUP), drain (SIGTERM). Everything that
// reads what strangers sent happens here.
#pragma once

#include <vector>

#include "core/base/clock.h"
#include "core/daemon/daemon.h"
#include "core/daemon/listeners.h"
#include "core/daemon/supervisor.h"

namespace remex::daemon {

/// How long sessions and deliveries may go on after SIGTERM.
inline constexpr Millis kDrainTime{30'000};

/// How long sessions may go on before that when another worker follows: nobody has to be sent away.
inline constexpr Millis kReplaceTime{15'000};

/// Runs in the process that the master forked, to its end. As root it becomes exim_user first. Problems at the start go
/// to stderr. Returns the exit status.
int run_worker(const DaemonOptions& opt, std::vector<BoundListener>& listeners, WorkerStart start);

}  // namespace remex::daemon
