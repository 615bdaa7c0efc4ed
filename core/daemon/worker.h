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

/// How long sessions may go on when another worker serves already: nobody has to be sent away.
inline constexpr Millis kLeaveSessions{5 * 60'000};

/// How long deliveries may go on after that: the time of a command (pipe, timeout) is an hour unless somebody sets it.
inline constexpr Millis kLeaveDeliveries{2 * 3'600'000};

inline constexpr Millis kKillTime{15'000};     ///< after kDrainTime, for what a drain does besides
inline constexpr Millis kAbortTime{5'000};     ///< between SIGABRT and SIGKILL of a worker that stands still
inline constexpr Millis kCourierEnds{30'000};  ///< after its worker; it gives its children half of that

/// The master to a worker: what another one had in its hands may be free now, so look at the queue.
int look_signal();

/// Runs in the process that the master forked, to its end. As root it becomes exim_user first. Problems at the start go
/// to stderr. Returns the exit status.
/// `submissions`: the socket of submit_socket.h, or null.
int run_worker(const DaemonOptions& opt, std::vector<BoundListener>& listeners, io::Listener* submissions,
               WorkerStart start);

}  // namespace remex::daemon
