// See supervisor.h. One poll(2) over signals and the worker's reports; every state has a time at which it is looked at
// again. What goes wrong here is logged by a short-lived child that has given up root: the log's directory belongs to
// exim_user, and root opens no file in it.
#include "core/daemon/supervisor.h"

#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <set>
#include <utility>
#include <vector>

#include "core/base/strings.h"
#include "core/daemon/courier.h"
#include "core/daemon/hand_over.h"
#include "core/daemon/leaving_workers.h"
#include "core/daemon/process.h"
#include "core/daemon/service_manager.h"
#include "core/daemon/worker.h"
#include "core/daemon/worker_link.h"
#include "core/io/sandbox.h"

namespace remex::daemon {

Millis RestartDelay::next(Millis ran) {
  if (ran >= kHealthy) failures_ = 0;
  const int before = failures_++;
  if (before == 0) return Millis(0);
  return before > 6 ? kMost : std::min(kMost, Millis(1000 << (before - 1)));
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({}{})", WTERMSIG(status), strsignal(WTERMSIG(status)),
                       WCOREDUMP(status) ? ", core dumped" : "");
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

void hold_signals(std::initializer_list<int> which) {
  sigset_t set;
  sigemptyset(&set);
  for (const int s : which) sigaddset(&set, s);
  sigprocmask(SIG_BLOCK, &set, nullptr);
}

namespace {

constexpr Millis kRoomTime{5'000};  ///< for a worker that makes room to close what another one needs
constexpr Millis kCourierPatience{1'000};
constexpr Millis kLogPatience{2'000};  ///< for how long a line is waited for before a worker starts
constexpr unsigned kLogAlarm = 30;     ///< seconds; the log's file system hangs
constexpr Millis kHeartbeat{10'000};
constexpr Millis kStartTime{600'000};       ///< a worker that begins may have a spool to recover
constexpr int kReportsAtOnce = 16;          ///< of a worker that floods: signals get their turn
constexpr std::size_t kMostLogLines = 200;  ///< that wait for a child to write them

std::string took(Millis t) { return format_interval(std::chrono::duration_cast<Seconds>(t).count()); }

class Supervisor {
 public:
  explicit Supervisor(SupervisorOptions opt) : opt_(std::move(opt)) {}

  int run() {
    watched_by_manager_ = manager_watchdog();
    if (const int rc = take_signals(); rc != EX_OK) return rc;
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a dead worker leaves behind is reaped here
    start_worker();
    say_all(opt_.notes);
    while (!over_ || !leaving_.empty()) {
      wait();
      reap();  // before a SIGTERM: what had ended by then did not end because of it
      read_signals();
      read_reports();
      look_at_the_clock();
    }
    finish_log();
    ::close(signals_);
    return exit_status_;
  }

 private:
  int take_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : {SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGCHLD}) sigaddset(&set, s);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    hold_signals({SIGUSR2, look_signal()});  // a worker that does not watch for it yet must not die of it
    (void)::signal(SIGCHLD, SIG_DFL);  // whoever started this may have ignored it, and then nothing can be waited for
    signals_ = ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ >= 0) return EX_OK;
    fmt::print(stderr, "remex: signalfd: {}\n", strerror(errno));
    return EX_OSERR;
  }

  // ---------------------------------------------------------------- waiting

  void wait() {
    const Instant now = monotonic_now();
    const Instant until = std::min(next_look(), now + heartbeat());
    const Millis time = std::chrono::ceil<Millis>(std::max(until - now, Instant::duration::zero()));
    std::vector<pollfd> fds{{signals_, POLLIN, 0}, {link_, POLLIN, 0}, {refusals_, POLLIN, 0}};
    leaving_.poll_for(fds);
    (void)::poll(fds.data(), fds.size(), static_cast<int>(time.count()));
    // A machine that was asleep has not given the worker time either.
    const Instant late = monotonic_now() - Millis(1000);
    if (late > until) {
      last_alive_ += late - until;
      leaving_.forgive(late - until);
    }
    leaving_.take(fds.data() + 3);
    // A worker that closes its end is not believed to be alive: it is killed when it has been silent for too long.
    if ((fds[1].revents & (POLLIN | POLLHUP)) == POLLHUP) close_now(link_);
    if ((fds[2].revents & POLLIN) != 0) answer_refusal();
    if ((fds[2].revents & POLLHUP) != 0) close_now(refusals_);  // nobody is left whom it was about
  }

  Instant next_look() const {
    Instant at = Instant::max();
    if (start_at_ != Instant::max()) at = std::min(at, waits_for_log() ? start_at_ + kLogPatience : start_at_);
    at = std::min({at, kill_at_, miss_courier_at_, room_by_, leaving_.next_look()});
    return std::min(at, stands_still_at());
  }

  bool waits_for_log() const { return log_child_ > 0 && monotonic_now() < start_at_ + kLogPatience; }

  Millis configured_patience() const {
    return std::chrono::duration_cast<Millis>(Seconds(std::max<std::int64_t>(0, opt_.config->main.worker_watchdog)));
  }

  /// When the worker counts as one that stands still, unless it reports before that; max: never.
  Instant stands_still_at() const {
    if (!watching_ || patience_.count() <= 0) return Instant::max();
    return last_alive_ + (is_ready_ ? patience_ : std::max(patience_, kStartTime));
  }

  void look_at_the_clock() {
    const Instant now = monotonic_now();
    if (start_at_ <= now && !waits_for_log() && !over_) start_worker();
    if (kill_at_ <= now && worker_ > 0) {
      kill_at_ = Instant::max();
      if (!stood_still_)
        say(fmt::format("worker process {} did not end in time when it was told to; it is killed", worker_));
      ::kill(worker_, SIGKILL);
    }
    if (now >= stands_still_at()) abort_worker(now);
    if (now >= miss_courier_at_ && worker_ > 0) replace_for_courier();
    if (now >= room_by_) room_is_made();
    leaving_.look_at_the_clock(now);
    // While a worker is waited for, or begins, there is none to say so.
    if (!is_ready_ && !stopping_ && watched_by_manager_.count() > 0) notify_manager("WATCHDOG=1");
  }

  /// Its loop stands still. SIGABRT first: where core dumps are on, that shows where.
  void abort_worker(Instant now) {
    watching_ = false;
    stood_still_ = true;
    say(fmt::format("worker process {}: its event loop has not turned for {} (worker_watchdog); it is killed", worker_,
                    took(std::chrono::duration_cast<Millis>(now - last_alive_))));
    ::kill(worker_, SIGABRT);
    kill_at_ = now + kAbortTime;
  }

  // ---------------------------------------------------------------- the worker

  void start_worker() {
    start_at_ = Instant::max();
    auto link = make_worker_link();
    if (!link) return could_not_start(link.error().text);
    WorkerStart start;
    start.config = opt_.config;
    start.link = link->worker;
    start.master = ::getpid();
    start.again = was_ready_;
    start.ends = ends_;
    start.sandbox = sandbox_needs(*opt_.config);
    patience_ = configured_patience();
    start.heartbeat = heartbeat();
    if (::geteuid() == 0) {
      // A log directory of a new configuration; when it cannot be, the worker says so.
      if (const auto id = run_identity(*opt_.config); id && was_ready_) {
        const auto notes = hand_over_log_directories(*id, *opt_.config);
        if (!notes) say(notes.error().text);
        if (notes) say_all(*notes);
      }
      auto courier = make_courier(opt_.config, [reload = opt_.reload] {
        std::string problem;  // the worker says it
        return reload(problem);
      });
      if (!courier) {
        ::close(link->master);
        ::close(link->worker);
        return could_not_start(courier.error().text);
      }
      start.courier = std::move(*courier);
      courier_ = start.courier->process();
    }
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(link->master);
      leaving_.close_descriptors();
      ::close(signals_);
      signals_ = -1;
      release_signals({SIGCHLD});
      std::exit(work(start));
    }
    const int err = errno;
    ::close(link->worker);
    if (pid < 0) {
      ::close(link->master);
      return could_not_start(fmt::format("fork: {}", strerror(err)));
    }
    worker_ = pid;
    link_ = link->master;
    started_ = last_alive_ = monotonic_now();
    watching_ = true;
    is_ready_ = stood_still_ = replacing_ = listens_elsewhere_ = false;
    courier_end_.clear();
  }

  int work(const WorkerStart& start) const {
    try {
      return opt_.work(start);
    } catch (const std::exception& e) {
      fmt::print(stderr, "remex: internal error: {}\n", e.what());
      return EX_SOFTWARE;
    }
  }

  static void release_signals(std::initializer_list<int> which) {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : which) sigaddset(&set, s);
    sigprocmask(SIG_UNBLOCK, &set, nullptr);
  }

  Millis heartbeat() const {
    Millis beat = kHeartbeat;
    if (patience_.count() > 0) beat = std::min(beat, patience_ / 4);
    if (watched_by_manager_.count() > 0) beat = std::min(beat, watched_by_manager_ / 3);
    return std::max(beat, Millis(50));
  }

  void could_not_start(const std::string& why) {
    if (!was_ready_) {
      fmt::print(stderr, "remex: the worker process cannot be started: {}\n", why);
      return finish(EX_OSERR);
    }
    again_after(Millis(0), fmt::format("the worker process cannot be started: {}", why));
  }

  void again_after(Millis ran, const std::string& what) {
    const Millis delay = delay_.next(ran);
    start_at_ = monotonic_now() + delay;
    const std::string when = delay.count() > 0 ? "in " + took(delay) : "at once";
    say(fmt::format("{}; it is started again {}", what, when));
    notify_manager(fmt::format("STATUS={}; started again {}", what, when));
  }

  void worker_ended(int status) {
    const pid_t pid = std::exchange(worker_, -1);
    read_reports();  // what it said last
    close_now(link_);
    close_now(refusals_);
    refused_.clear();
    leave_courier();
    kill_at_ = miss_courier_at_ = room_by_ = Instant::max();
    if (!is_ready_ && previous_ && !stopping_) {
      opt_.config = std::move(previous_);  // first: the log may be one of the things that do not work
      say("the worker process cannot begin with the new configuration; the old one stays in force");
      (void)listen_as_configured();
    }
    if (!stopping_) settle_for_the_next();  // it was asked to take a configuration, and did not get to it
    watching_ = is_ready_ = false;
    const auto ran = std::chrono::duration_cast<Millis>(monotonic_now() - started_);
    if (WIFEXITED(status) && stopping_) return finish(WEXITSTATUS(status));
    const bool by_itself = WIFEXITED(status) && !replacing_;
    if (by_itself && (WEXITSTATUS(status) == EX_OK || !was_ready_)) return finish(WEXITSTATUS(status));
    const std::string what = fmt::format("worker process {} {} after {}", pid, describe_end(status), took(ran));
    if (stopping_) {
      say(what);
      return finish(EX_SOFTWARE);
    }
    if (replacing_ && WIFEXITED(status) && WEXITSTATUS(status) == EX_OK) return start_next(ran);
    ++ends_;
    again_after(ran, what);
  }

  /// Without it nothing can be delivered as another user. A worker cannot be given another one, so it makes room. That
  /// the courier ends is also the first sign of a worker's end, which is waited for a moment.
  void courier_ended(int status) {
    const pid_t pid = std::exchange(courier_, -1);
    if (worker_ < 0 || stopping_ || replacing_) return;
    courier_end_ = fmt::format("courier process {} {}", pid, describe_end(status));
    miss_courier_at_ = monotonic_now() + (WIFEXITED(status) && WEXITSTATUS(status) == 0 ? kCourierPatience : Millis(0));
  }

  void replace_for_courier() {
    miss_courier_at_ = Instant::max();
    if (stopping_ || replacing_) return;
    say(fmt::format("{}; worker process {} is replaced, too", courier_end_, worker_));
    replace_worker();
  }

  /// It closes its ports, and then another one begins while it finishes what it does. Who connects in between waits in
  /// the listening sockets, which are the master's.
  void replace_worker() {
    if (worker_ < 0 || stopping_ || replacing_) return;
    replacing_ = true;
    ::kill(worker_, SIGUSR2);
    room_by_ = monotonic_now() + kRoomTime;
  }

  /// It said so, or takes too long to say it: two workers at one port do no harm.
  void room_is_made() {
    room_by_ = Instant::max();
    if (worker_ < 0 || stopping_ || !replacing_) return;
    const auto ran = std::chrono::duration_cast<Millis>(monotonic_now() - started_);
    WorkerProcess w;
    w.worker = std::exchange(worker_, -1);
    w.courier = std::exchange(courier_, -1);
    w.link = std::exchange(link_, -1);
    w.refusals = std::exchange(refusals_, -1);
    w.refused = std::exchange(refused_, {});
    w.last_alive = last_alive_;
    w.patience = watching_ ? patience_ : Millis(0);
    leaving_.add(std::move(w));
    kill_at_ = miss_courier_at_ = Instant::max();
    settle_for_the_next();
    watching_ = is_ready_ = false;
    start_next(ran);
  }

  /// A courier that dies again and again is no reason to hurry.
  void start_next(Millis ran) { start_at_ = monotonic_now() + (courier_end_.empty() ? Millis(0) : delay_.next(ran)); }

  /// It ends what it does for the worker that ended, and holds that worker's messages until then.
  void leave_courier() {
    WorkerProcess left;
    left.courier = std::exchange(courier_, -1);
    leaving_.add(std::move(left));
  }

  void finish(int status) {
    leaving_.stop();
    start_at_ = miss_courier_at_ = Instant::max();  // nobody is started any more
    exit_status_ = status;
    over_ = true;
  }

  // ---------------------------------------------------------------- what comes

  void read_signals() {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      switch (static_cast<int>(info.ssi_signo)) {
        case SIGTERM:
        case SIGINT: stop(); break;
        case SIGHUP: hang_up(); break;
        case SIGUSR1: pass_on(SIGUSR1); break;
        default: break;  // SIGCHLD
      }
    }
    reap();  // who ended since the last look, and whose SIGCHLD was read just now
  }

  void pass_on(int signal) {
    if (worker_ > 0) ::kill(worker_, signal);
  }

  /// Read before the worker reads it, so that a file which is changed once the worker has taken it is not what is read.
  void hang_up() {
    problem_.clear();
    candidate_ = opt_.reload(problem_);
    asked_ = true;
    if (worker_ < 0 || replacing_) return settle_for_the_next();
    pass_on(SIGHUP);
  }

  /// A SIGHUP that no worker answers: the master says what becomes of it.
  void settle_for_the_next() {
    if (!asked_) return;
    asked_ = false;
    const auto fresh = std::exchange(candidate_, nullptr);
    if (!fresh) {
      for (const std::string_view line : split(problem_, '\n'))
        if (!line.empty()) say(fmt::format("SIGHUP: {}", line));
      return say("SIGHUP: the new configuration is refused; the old one stays in force");
    }
    if (const Status st = can_replace(*opt_.config, *fresh); !st)
      return say(fmt::format("SIGHUP: {}; the old configuration stays in force", st.error().text));
    put_in_force(fresh);
    say(fmt::format("pid {}: SIGHUP received: configuration loaded again, for the worker process that begins next",
                    ::getpid()),
        log::kMain);
  }

  /// For the next worker. What the last one that served began with is kept until another one serves.
  void put_in_force(std::shared_ptr<const lang::Config> fresh) {
    auto old = std::exchange(opt_.config, std::move(fresh));
    if (!previous_) previous_ = std::move(old);
    listens_elsewhere_ = listen_as_configured();
  }

  /// True: the sockets are others than those that the worker has.
  bool listen_as_configured() {
    if (!opt_.listen_as) return false;
    std::string now;
    const auto changed = opt_.listen_as(*opt_.config, now);
    if (!changed) {
      say(
          fmt::format("SIGHUP: {}; the daemon goes on listening for {} only: free the address, or correct "
                      "local_interfaces and daemon_smtp_ports, and send SIGHUP again",
                      changed.error().text, now));
      return false;
    }
    if (*changed) say(fmt::format("SIGHUP: listening for {} from now on", now), log::kMain);
    return *changed;
  }

  void stop() {
    if (stopping_) return;
    stopping_ = true;
    notify_manager("STOPPING=1");
    opt_.stop_listening();
    leaving_.stop();
    if (worker_ < 0) return finish(EX_OK);
    watching_ = false;
    ::kill(worker_, SIGTERM);
    kill_at_ = monotonic_now() + kDrainTime + kKillTime;
  }

  void read_reports() {
    bool heard = false, reloaded = false, replace = false, left = false;
    for (int i = 0; i < kReportsAtOnce && link_ >= 0; ++i) {
      // Before it serves, a worker is what the program says; later it may be what a stranger made of it.
      const bool takes = !is_ready_ && refusals_ < 0;
      const auto report = receive_report(link_, takes ? &refusals_ : nullptr);
      if (!report) break;
      heard = true;
      replace = replace || *report == Report::replace;
      left = left || *report == Report::left;
      reloaded = reloaded || replace || *report == Report::reloaded;
      if (*report == Report::refused) asked_ = false, candidate_.reset();
      if (*report == Report::ready && !is_ready_) worker_is_ready();
    }
    if (reloaded) take_configuration();
    replace = replace || std::exchange(listens_elsewhere_, false);
    if (reloaded && !replace) previous_.reset();  // it is in force already
    if (replace) replace_worker();
    if (!heard) return;
    last_alive_ = monotonic_now();
    if (left && replacing_) room_is_made();
    if (watched_by_manager_.count() > 0) notify_manager("WATCHDOG=1");
  }

  void worker_is_ready() {
    notify_manager(was_ready_ ? "STATUS=" : "READY=1");
    was_ready_ = is_ready_ = true;
    previous_.reset();
  }

  /// A worker that is refused something is broken, or no longer its own master: one line for each kind of call.
  void answer_refusal() {
    const auto refusal = io::answer_refusal(refusals_);
    if (!refusal || !refused_.insert(refusal->call).second) return;
    say(fmt::format("sandbox: process {} was refused the system call {} (logged once for each; see the option sandbox)",
                    refusal->process, refusal->call));
  }

  static void close_now(int& fd) {
    if (fd >= 0) ::close(std::exchange(fd, -1));
  }

  void take_configuration() {
    auto fresh = candidate_ ? std::move(candidate_) : opt_.reload(problem_);
    candidate_.reset();
    asked_ = false;
    if (fresh && can_replace(*opt_.config, *fresh)) put_in_force(std::move(fresh));
  }

  void reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      if (pid == worker_)
        worker_ended(status);
      else if (pid == courier_)
        courier_ended(status);
      else if (leaving_.ended(pid, status))
        continue;
      else if (pid == log_child_)
        log_child_ = -1;
    }
    write_lines();
  }

  // ---------------------------------------------------------------- the log

  /// A line of the log, of the main and the panic log by default; on stderr when it cannot be written there.
  void say(const std::string& line, unsigned where = log::kMain | log::kPanic) {
    if (log_lines_.size() < kMostLogLines)
      log_lines_.push_back({line, where});
    else
      complain(line);
    write_lines();
  }

  void say_all(const std::vector<std::string>& lines) {
    for (const std::string& line : lines) say(line);
  }

  static void complain(const std::string& line) { fmt::print(stderr, "remex: {}\n", line); }

  /// One child at a time, so that lines keep their order; what comes meanwhile is the next one's.
  void write_lines() {
    if (log_child_ > 0 || log_lines_.empty()) return;
    const pid_t pid = ::fork();
    if (pid == 0) {
      // It may live longer than the daemon: no port stays open for it.
      (void)::close_range(3, ~0U, 0);
      ::alarm(kLogAlarm);
      release_signals({SIGHUP, SIGTERM, SIGINT, SIGUSR1, SIGCHLD, SIGALRM});
      ::_exit(write_log() ? 0 : 1);
    }
    if (pid < 0)
      for (const Line& line : log_lines_) complain(line.text);
    log_lines_.clear();
    log_child_ = pid;
  }

  /// The last lines are written before the daemon has ended, unless the log's file system hangs.
  void finish_log() {
    for (const Instant until = monotonic_now() + kLogPatience; log_child_ > 0 && monotonic_now() < until;) {
      pollfd fds{signals_, POLLIN, 0};
      (void)::poll(&fds, 1, 100);
      reap();
      read_signals();
    }
  }

  /// In the child.
  bool write_log() const {
    auto log = open_log();
    for (const Line& line : log_lines_) log ? (*log)->write(line.where, "", line.text) : complain(line.text);
    return log.has_value();
  }

  Result<std::shared_ptr<log::Log>> open_log() const {
    if (::geteuid() == 0) {
      REMEX_TRY(const auto id, run_identity(*opt_.config));
      REMEX_CHECK(drop_root(id));
    }
    if (!opt_.config->main.timezone.empty()) set_timezone(opt_.config->main.timezone);
    REMEX_TRY(const auto settings, log_config(*opt_.config));
    return log::Log::open(settings);
  }

  SupervisorOptions opt_;
  std::shared_ptr<const lang::Config> candidate_;  ///< read at a SIGHUP, until the worker says that it is good
  std::string problem_;                            ///< why there is no candidate
  bool asked_ = false;                             ///< a SIGHUP has no answer yet
  std::shared_ptr<const lang::Config> previous_;   ///< until a worker has begun with the new one
  RestartDelay delay_;
  int signals_ = -1;
  Millis watched_by_manager_{0};
  Millis patience_{0};  ///< worker_watchdog when this worker began: how often it reports was decided then
  pid_t worker_ = -1, courier_ = -1;
  int link_ = -1;
  Instant started_, last_alive_;
  Instant start_at_ = Instant::max();         ///< when the next worker starts; max: there is one
  Instant kill_at_ = Instant::max();          ///< when the worker is killed if it still lives
  Instant miss_courier_at_ = Instant::max();  ///< when the worker is replaced if it still lives
  Instant room_by_ = Instant::max();          ///< when a worker that is to make room counts as one that has
  int ends_ = 0;                              ///< unexpected ones
  std::string courier_end_;                   ///< of this worker's courier, if it ended first
  bool listens_elsewhere_ = false;            ///< the sockets are others than those the worker began with
  bool was_ready_ = false;                    ///< some worker was
  bool is_ready_ = false;                     ///< this one is
  bool watching_ = false;                     ///< this worker is expected to report that its loop turns
  bool stood_still_ = false, replacing_ = false, stopping_ = false, over_ = false;
  int exit_status_ = EX_OK;
  struct Line {
    std::string text;
    unsigned where;
  };
  std::vector<Line> log_lines_;  ///< not given to a child yet
  pid_t log_child_ = -1;
  LeavingWorkers leaving_{{[this](const std::string& line) { say(line); },
                           [this] {
                             if (!stopping_) pass_on(look_signal());  // one that ends starts no delivery any more
                           }}};
  int refusals_ = -1;                   ///< of the worker's sandbox
  std::set<std::string_view> refused_;  ///< what was logged
};

}  // namespace

int supervise(SupervisorOptions opt) { return Supervisor(std::move(opt)).run(); }

}  // namespace remex::daemon
