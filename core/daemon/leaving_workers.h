// Workers that make room for another one, and couriers whose worker has ended: what the master still minds of them.
// Used by supervisor.cc alone, in the master.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/daemon/worker_link.h"

namespace remex::daemon {

/// The descriptors and processes of one worker. Who holds it closes them.
struct WorkerProcess {
  pid_t worker = -1, courier = -1;
  int link = -1;                             ///< the master's end of the WorkerLink
  int refusals = -1;                         ///< of the worker's sandbox
  std::set<std::string_view> refused{};      ///< what was logged
  Instant last_alive{};                      ///< its last report
  Millis patience{0};                        ///< worker_watchdog when it began; 0: it is not watched
  Instant kill_at = Instant::max();          ///< when its worker is killed if it still lives
  Instant kill_courier_at = Instant::max();  ///< the same for its courier
};

class LeavingWorkers {
 public:
  /// More than that at once: the oldest is told to hurry. Somebody sends SIGHUP again and again.
  static constexpr std::size_t kMost = 4;

  struct Hooks {
    std::function<void(const std::string&)> say;  ///< a line of the log
    /// What a worker had in its hands is free, or was left to the one that serves: it should look at the queue.
    std::function<void()> look;
  };
  explicit LeavingWorkers(Hooks hooks) : hooks_(std::move(hooks)) {}

  /// `w.worker` was told to make room, or is -1: it has ended and left its courier.
  void add(WorkerProcess w);
  /// The daemon ends: all have as long as the worker that serves.
  void stop();
  bool empty() const { return all_.empty(); }

  /// Appends what to wait for; take() gets the same part back after poll(2).
  void poll_for(std::vector<pollfd>& fds) const;
  void take(const pollfd* fds);
  /// The machine was asleep.
  void forgive(Instant::duration late);
  Instant next_look() const;
  void look_at_the_clock(Instant now);
  /// True when the process was one of these.
  bool ended(pid_t pid, int status);
  /// In a child of the master, which must not keep them open.
  void close_descriptors() const;

 private:
  void hurry(WorkerProcess& w) const;
  void read_reports(WorkerProcess& w);

  Hooks hooks_;
  std::vector<WorkerProcess> all_;  ///< the oldest first
};

}  // namespace remex::daemon
