// The master process of the daemon: starts the worker (and, as root, its courier), starts them again when they end
// unexpectedly, passes on signals, and stands still otherwise. It reads no byte that came from the network: only
// signals, one-byte reports of the worker, and the configuration when the worker has taken a new one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "core/base/clock.h"
#include "core/daemon/worker_sandbox.h"
#include "core/io/courier.h"
#include "lang/config.h"

namespace remex::daemon {

/// What a worker begins with: it is a fork of the master.
struct WorkerStart {
  std::shared_ptr<const lang::Config> config;
  std::shared_ptr<io::Courier> courier;  ///< null: not started as root
  int link = -1;                         ///< its end of the WorkerLink; open as long as it lives
  pid_t master = -1;
  bool again = false;        ///< there was one before it
  int ends = 0;              ///< of workers before it that ended unexpectedly
  Millis heartbeat{10'000};  ///< how often it reports that its loop turns
  SandboxNeeds sandbox;      ///< of the configuration; nothing is given up unless started as root
};

struct SupervisorOptions {
  std::shared_ptr<const lang::Config> config;
  /// Reads the configuration again; null when it is wrong, with the reason in `problem`, one a line.
  std::function<std::shared_ptr<const lang::Config>(std::string& problem)> reload;
  /// The worker's whole life, in its process; returns its exit status.
  std::function<int(const WorkerStart&)> work;
  /// Lines for the main and the panic log as soon as it begins.
  std::vector<std::string> notes;
  /// Opens and closes listening sockets as the configuration says. True: they are others now, and a worker that serves
  /// must make room for one that has them. Error: they are as they were. `now`: what is listened on, for the log.
  std::function<Result<bool>(const lang::Config& config, std::string& now)> listen_as;
  /// The daemon ends: the master's copies of the listening sockets go, so that clients are refused at once.
  std::function<void()> stop_listening;
};

/// How long to wait before a worker that ended unexpectedly is started again: at once the first time, then 1 s, 2 s,
/// 4 s ... 60 s; from the beginning when it ran for 60 s.
class RestartDelay {
 public:
  static constexpr Millis kMost{60'000};
  static constexpr Millis kHealthy{60'000};
  /// `ran`: how long the one that ended now lived.
  Millis next(Millis ran);

 private:
  int failures_ = 0;
};

/// "was killed by signal 11 (Segmentation fault)", "ended with status 70": a status of waitpid(2).
std::string describe_end(int status);

/// These signals are held back from now on: they are neither lost nor deadly until supervise() takes them.
void hold_signals(std::initializer_list<int> which);

/// Runs until SIGTERM or SIGINT, or until the worker ends of its own accord with status 0. Returns the exit status: a
/// first worker that could not begin gives its own. Call it in a process without threads and loops.
int supervise(SupervisorOptions opt);

}  // namespace remex::daemon
