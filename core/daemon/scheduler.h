// Starts deliveries: at once for new messages, up to a bound, and by queue runs for what waits.
//
// A delivery that takes long (a silent host may take minutes for every step) gives its place to the next one: it goes
// on, but does not count any more, until too many or too large ones do so. One that is busy here, with a command or a
// locked mailbox, goes on counting: each of these is a process.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <string>

#include "core/base/clock.h"
#include "core/daemon/process.h"
#include "core/io/fiber.h"

namespace remex::daemon {

/// A queue runner of the daemon: one -q option with a time.
struct QueueRunner {
  std::int64_t interval = 0;  ///< seconds
  std::string queue_name;     ///< -qG: empty is the default queue
  std::string flags;          ///< "ff", "i" ...: what stands between -q and -qG
  std::string label;          ///< for the log lines of a run: " -qff -R text"; empty: a plain run of the default queue
  /// What it does with each message, and which ones it takes; nothing set: all that are due.
  delivery::DeliverOptions each{};
  std::function<bool(const store::QueueEntry&)> select{};

  /// It takes whatever is due in its queue, so that retries may be made in its name between its runs.
  bool takes_all() const { return !each.local_only && !each.untried_only && !select; }
  /// A plain -q: the default queue, nothing forced.
  bool is_usual() const { return takes_all() && queue_name.empty() && label.empty(); }
  /// "-qff30m", "-qGslow/5m": the option as it was given.
  std::string option() const;
};

class Scheduler {
 public:
  /// `parallel`: deliveries running at once, without the slow ones.
  /// `patience`: a queue run that takes longer, as with a slow host, does not keep the next one waiting; a delivery
  /// that takes longer is a slow one, and does not count while it waits for a remote host. At most eight times
  /// `parallel` run in all, and no more than take a quarter of the descriptors that the process may have.
  explicit Scheduler(std::size_t parallel, Millis patience = Seconds(30));
  /// Delivers a message that was just stored. When too many wait it is left to the next queue run (which is then asked
  /// for).
  void deliver(std::shared_ptr<Process> process, store::StoredMessage&& msg);
  /// Delivers a message whose turn at a destination has come (DestinationLimits), as soon as a delivery ends.
  void wake(std::shared_ptr<Process> process, const std::string& id);
  /// Makes the runs of another runner possible; its number. Number 0 is there: a plain run of the default queue.
  std::size_t add(QueueRunner runner);
  /// One queue run: now, or as soon as the one of the same runner that is under way ends or has taken too long.
  void queue_run(std::shared_ptr<Process> process, std::size_t runner = 0);
  /// Delivers the messages in the runner's queue whose retry time has come, if there are any, also beside a queue run
  /// that has taken too long. May be called often: nothing is started while the last run is young.
  void retry_due(std::shared_ptr<Process> process, std::size_t runner = 0);
  /// Does what an ETRN asked for, in the background. False: the same is under way and shall not run twice.
  bool etrn(std::shared_ptr<Process> process, const smtp::Server::EtrnJob& job);
  /// No new deliveries; waits for the running ones until the fiber's deadline, then cancels them. None runs afterwards.
  void drain();
  /// The process makes room for another one: running queue runs take no more messages and none begins; new messages are
  /// still delivered. `left`: called when some are left to the other process; `idle`: when idle() has become true;
  /// `stranded`: asked whether this process can deliver at all, else new and waiting messages are left, too.
  void leave(std::function<void()> left, std::function<void()> idle, std::function<bool()> stranded);
  /// Nothing is under way or waits.
  bool idle() const;
  std::size_t running() const { return running_.size(); }

 private:
  /// A delivery that is under way, in the order of their beginnings.
  struct Running {
    Instant began;
    std::uint64_t bytes = 0;                                     ///< of its message that may be in memory
    std::shared_ptr<int> local_runs = std::make_shared<int>(0);  ///< DeliverOptions::local_runs
    /// It counts: young, or busy here.
    bool counts(Instant slow) const { return began > slow || *local_runs > 0; }
  };
  /// Room for one more delivery now.
  bool has_slot() const;
  /// Starts what waits and has a slot. Without memory for it, the queue run that follows does it.
  void pump();
  void start_waiting();
  void begin(std::uint64_t bytes, std::function<void(delivery::DeliverOptions)> deliver);
  /// A queue run: by this process, or by the one that takes its place.
  void ask_for_run(const std::shared_ptr<Process>& process);
  /// As long as something waits: looks again when the oldest delivery becomes a slow one.
  void watch();
  bool anything_waits() const { return !waiting_.empty() || !woken_.empty() || (overflow_ && last_); }
  /// Whether and how long it takes until has_slot() may change without the end of a delivery.
  Millis until_slow() const;
  /// Runs of one kind that are under way.
  struct Runs {
    std::size_t running = 0;
    Instant last_began{};
  };
  /// A runner and what it has under way.
  struct Lane {
    QueueRunner runner;
    Runs full{}, retries{};
    Instant refused{};                  ///< when queue_run_max last forbade one more: it is not expanded all the time
    std::shared_ptr<Process> wanted{};  ///< of a queue run that could not be started yet
    bool idle() const { return full.running == 0 && retries.running == 0; }
  };
  bool may_start(const Runs& runs, std::size_t most) const;
  /// False: not now.
  bool start(Lane& lane, const std::shared_ptr<Process>& process, bool retries_only);
  void start_wanted(Lane& lane);
  /// Something has ended: the next one begins.
  void go_on();
  struct Waiting {
    std::shared_ptr<Process> process;
    store::StoredMessage msg;
    Instant since = monotonic_now();
  };
  std::size_t parallel_, most_;
  Millis patience_;
  std::list<Running> running_;
  std::uint64_t running_bytes_ = 0;
  Instant helped_{};  ///< when a queue run was last asked for because the first in the line waits too long
  bool watching_ = false;
  std::deque<Lane> lanes_{1};  ///< they stay where they are
  std::uint64_t waiting_bytes_ = 0;
  bool overflow_ = false, stopping_ = false, leaving_ = false;
  std::function<void()> left_, idle_;  ///< of leave()
  std::function<bool()> stranded_;     ///< of leave()
  std::deque<Waiting> waiting_;
  std::deque<std::pair<std::shared_ptr<Process>, std::string>> woken_;
  std::shared_ptr<Process> last_;
  std::set<std::string> etrn_running_;
  std::unique_ptr<io::Nursery> nursery_ = std::make_unique<io::Nursery>(io::OnThrow::fatal);
  std::unique_ptr<io::Nursery> watch_ = std::make_unique<io::Nursery>(io::OnThrow::fatal);
};

}  // namespace remex::daemon
