// See leaving_workers.h.
#include "core/daemon/leaving_workers.h"

#include <fmt/core.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "core/daemon/supervisor.h"
#include "core/daemon/worker.h"
#include "core/io/sandbox.h"

namespace remex::daemon {
namespace {

constexpr int kReportsAtOnce = 16;
constexpr Millis kLeastPatience{60'000};  ///< its end, which is work without reports, is part of it

void close_now(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

}  // namespace

void LeavingWorkers::add(WorkerProcess w) {
  const Instant now = monotonic_now();
  if (w.worker > 0) w.kill_at = now + kLeaveSessions + kLeaveDeliveries + kDrainTime + kKillTime;
  if (w.patience.count() > 0) w.patience = std::max(w.patience, kLeastPatience);
  if (w.worker < 0) w.kill_courier_at = now + kCourierEnds;
  if (w.worker < 0 && w.courier < 0) return;
  all_.push_back(std::move(w));
  std::size_t workers = 0;
  for (auto it = all_.rbegin(); it != all_.rend(); ++it)
    if (it->worker > 0 && ++workers > kMost) hurry(*it);
}

void LeavingWorkers::hurry(WorkerProcess& w) const {
  if (w.worker < 0) return;
  ::kill(w.worker, SIGTERM);
  w.patience = Millis(0);
  w.kill_at = std::min(w.kill_at, monotonic_now() + kDrainTime + kKillTime);
}

void LeavingWorkers::stop() {
  for (WorkerProcess& w : all_) hurry(w);
}

void LeavingWorkers::poll_for(std::vector<pollfd>& fds) const {
  for (const WorkerProcess& w : all_) {
    fds.push_back({w.link, POLLIN, 0});
    fds.push_back({w.refusals, POLLIN, 0});
  }
}

void LeavingWorkers::take(const pollfd* fds) {
  for (WorkerProcess& w : all_) {
    if ((fds[0].revents & POLLIN) != 0) read_reports(w);
    if ((fds[0].revents & (POLLIN | POLLHUP)) == POLLHUP) close_now(w.link);
    if ((fds[1].revents & POLLIN) != 0)
      if (const auto refusal = io::answer_refusal(w.refusals); refusal && w.refused.insert(refusal->call).second)
        hooks_.say(
            fmt::format("sandbox: process {} was refused the system call {} (logged once for each; see the "
                        "option sandbox)",
                        refusal->process, refusal->call));
    if ((fds[1].revents & POLLHUP) != 0) close_now(w.refusals);
    fds += 2;
  }
}

void LeavingWorkers::read_reports(WorkerProcess& w) {
  for (int i = 0; i < kReportsAtOnce && w.link >= 0; ++i) {
    const auto report = receive_report(w.link);
    if (!report) return;
    w.last_alive = monotonic_now();
    if (*report == Report::look) hooks_.look();
  }
}

void LeavingWorkers::forgive(Instant::duration late) {
  for (WorkerProcess& w : all_) w.last_alive += late;
}

Instant LeavingWorkers::next_look() const {
  Instant at = Instant::max();
  for (const WorkerProcess& w : all_) {
    at = std::min({at, w.kill_at, w.kill_courier_at});
    if (w.worker > 0 && w.patience.count() > 0) at = std::min(at, w.last_alive + w.patience);
  }
  return at;
}

void LeavingWorkers::look_at_the_clock(Instant now) {
  for (WorkerProcess& w : all_) {
    if (w.worker > 0 && w.patience.count() > 0 && now >= w.last_alive + w.patience) {
      hooks_.say(
          fmt::format("worker process {}, which makes room for another one: its event loop has not turned for "
                      "a long time (worker_watchdog); it is killed",
                      w.worker));
      w.patience = Millis(0);
      w.kill_at = now + kAbortTime;
      ::kill(w.worker, SIGABRT);
    }
    if (w.worker > 0 && now >= w.kill_at) {
      hooks_.say(fmt::format("worker process {} did not make room in time; it is killed", w.worker));
      w.kill_at = Instant::max();
      ::kill(w.worker, SIGKILL);
    }
    if (w.courier > 0 && now >= w.kill_courier_at) {
      hooks_.say(fmt::format("courier process {} did not end in time; it is killed", w.courier));
      w.kill_courier_at = Instant::max();
      ::kill(w.courier, SIGKILL);
    }
  }
}

bool LeavingWorkers::ended(pid_t pid, int status) {
  const auto it = std::find_if(all_.begin(), all_.end(),
                               [pid](const WorkerProcess& w) { return w.worker == pid || w.courier == pid; });
  if (it == all_.end()) return false;
  WorkerProcess& w = *it;
  if (w.worker == pid) {
    w.worker = -1;
    w.kill_at = Instant::max();
    w.kill_courier_at = monotonic_now() + kCourierEnds;
    close_now(w.link);
    close_now(w.refusals);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
      hooks_.say(fmt::format("worker process {}, which made room for another one, {}", pid, describe_end(status)));
  } else {
    w.courier = -1;
    w.kill_courier_at = Instant::max();
  }
  if (w.worker < 0 && w.courier < 0) {
    all_.erase(it);
    hooks_.look();
  }
  return true;
}

void LeavingWorkers::close_descriptors() const {
  for (const WorkerProcess& w : all_)
    for (const int fd : {w.link, w.refusals})
      if (fd >= 0) ::close(fd);
}

}  // namespace remex::daemon
