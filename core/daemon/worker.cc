// See worker.h.
#include "core/daemon/worker.h"

#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/base/strings.h"
#include "core/daemon/process.h"
#include "core/daemon/scheduler.h"
#include "core/daemon/status.h"
#include "core/daemon/submit_service.h"
#include "core/daemon/worker_link.h"
#include "core/delivery/parallel.h"
#include "core/hooks/hooks.h"
#include "core/io/process.h"
#include "core/smtp/session.h"

namespace remex::daemon {

namespace {

constexpr Millis kStatusTime{2'000};  ///< one who asks and does not read
constexpr Millis kTidyInterval{3600 * 1000};
constexpr std::int64_t kHintLife = 30 * 24 * 3600;  ///< seconds without a change; as long as exim_tidydb gives them
constexpr Millis kIdleCheck{1000};

/// Retry times are whole seconds: looked at just after one began, a retry is not late. Looking costs one step in an
/// index.
Millis until_next_second() {
  return Millis(1001) - std::chrono::duration_cast<Millis>(wall_now().time_since_epoch() % Seconds(1));
}

int fail_start(int code, const std::string& text) {
  fmt::print(stderr, "remex: {}\n", text);
  return code;
}

class Worker {
 public:
  Worker(const DaemonOptions& opt, std::vector<BoundListener>& listeners, io::Listener* submissions,
         const WorkerStart& start, std::vector<std::string> notes)
      : config_(start.config),
        opt_(opt),
        listeners_(listeners),
        submissions_(submissions),
        start_(start),
        notes_(std::move(notes)) {}

  int serve() {
    ProcessOptions po;
    po.server = true;
    po.courier = start_.courier;
    auto made = Process::create(config_, po);
    if (!made) return fail_start(made.error().kind == ErrorKind::config ? EX_CONFIG : EX_CANTCREAT, made.error().text);
    pool_ = std::make_shared<transports::ConnectionPool>();
    limits_ = (*made)->engine.limits;
    limits_->wake = [this](const std::string& id) { scheduler_.wake(process_, id); };
    delivery::TransportRun::wake = limits_->wake;
    settler_ = std::make_shared<io::Settler>();
    adopt(std::move(*made));
    log_start();
    io::SignalWatch term(SIGTERM, [this] { end(); });
    io::SignalWatch intr(SIGINT, [this] { end(); });
    io::SignalWatch hup(SIGHUP, [this] { reload(); });
    io::SignalWatch usr1(SIGUSR1, [this] { tell_of_itself(); });
    io::SignalWatch usr2(SIGUSR2, [this] {
      if (!stop_.is_set()) leaves_ = true, stop_.set();
    });
    io::SignalWatch look(look_signal(), [this] {
      if (!stop_.is_set()) scheduler_.queue_run(process_);
    });
    accept_signals();
    send_report(start_.link, Report::ready);
    {
      io::Nursery heart(io::OnThrow::fatal), nursery(io::OnThrow::fatal);
      heart.spawn("heartbeat", [this] { heartbeat(); });
      for (BoundListener& l : listeners_)
        nursery.spawn("listener", [this, &l] { accept_loop([this, &l] { return accept_one(l); }); });
      if (submissions_ != nullptr)
        nursery.spawn("submissions", [this] { accept_loop([this] { return accept_submission(); }); });
      // What the one before was about to deliver would wait for the operator.
      const auto& runners = opt_.runners;
      if (start_.again && std::none_of(runners.begin(), runners.end(), [](const auto& r) { return r.is_usual(); }))
        scheduler_.queue_run(process_);
      for (const QueueRunner& r : opt_.runners) nursery.spawn("queue runner", [this, &r] { queue_loop(r); });
      nursery.spawn("idle watch", [this] { idle_watch(); });
      nursery.spawn("tidying", [this] { tidy_loop(); });
      nursery.spawn("status", [this] { answer_status(); });
      (void)stop_.wait();
      for (auto& l : listeners_) l.listener->close();
      if (submissions_ != nullptr) submissions_->close();
      nursery.cancel_all();
      if (leaves_) leave(nursery);
      sessions_->cancel_all();  // each says 421 and goes
      const io::DeadlineScope deadline(kDrainTime);
      (void)sessions_->join();
      scheduler_.drain();
      sessions_.reset();  // nobody uses the connections and the settler any more
      settler_->flush();
      pool_->close_all();
      (void)nursery.join();
    }
    if (!hooks::active() && !leaves_)
      process_->engine.log->write(log::kMain, "", fmt::format("remex daemon stopped: pid={}", start_.master));
    // What is tied to the loop goes before the loop does.
    process_->engine.pool.reset();
    pool_.reset();
    limits_->wake = nullptr;
    delivery::TransportRun::wake = nullptr;
    refuse_signals();
    process_.reset();
    return EX_OK;
  }

 private:
  void log_start() {
    std::string line;
    if (start_.again) {
      line = fmt::format("worker process {} started again by the daemon, pid={}", getpid(), start_.master);
    } else {
      line = fmt::format("{} {} daemon started: pid={}, {}", hooks::program(), hooks::version(), start_.master,
                         description());
    }
    process_->engine.log->write(log::kMain, "", line);
    for (const std::string& note : notes_) process_->engine.log->write(log::kMain, "", note);
  }

  std::string description() const {
    std::string runs;
    for (const QueueRunner& r : opt_.runners) runs += (runs.empty() ? "" : " ") + r.option();
    return fmt::format("{}, {}", runs.empty() ? "no queue runs" : runs,
                       opt_.listen ? "listening for " + listening_text(listeners_) : "not listening for SMTP");
  }

  /// Those that came while nobody watched for them come now.
  static void accept_signals() {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
  }

  /// The watches go, and with them what keeps a signal from being this process's death: one that comes late (another
  /// SIGTERM, the news of a worker that made room) would make of a proper end a crash.
  static void refuse_signals() {
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, nullptr);
  }

  /// The daemon ends; a worker that was making room for another one has no more time for that.
  void end() {
    if (leaves_ && sessions_) sessions_->cancel_all();
    ending_ = true;
    hurry_.set();
    stop_.set();
  }

  /// The master takes note of its end before it says that this worker shall leave. Alive, it is root's: EPERM.
  bool courier_is_gone() const {
    const pid_t courier = start_.courier ? start_.courier->process() : -1;
    return courier > 0 && ::kill(courier, 0) != 0 && errno == ESRCH;
  }

  /// Makes room for another worker, and finishes what it does itself: nobody has to be sent away, and no command has to
  /// be run twice.
  void leave(io::Nursery& nursery) {
    (void)prctl(PR_SET_NAME, "remex-leaving");
    (void)nursery.join();  // the status socket has its name back
    // Without its courier it has nobody who writes to mailboxes, and what it takes waits for the one that follows.
    const auto stranded = [this] { return courier_is_gone(); };
    scheduler_.leave([this] { send_report(start_.link, Report::look); }, [this] { hurry_.set(); }, stranded);
    send_report(start_.link, Report::left);
    if (!stranded()) {
      const io::DeadlineScope polite(kLeaveSessions);
      (void)sessions_->join();
    }
    sessions_->cancel_all();
    {
      const io::DeadlineScope soon(kDrainTime);
      (void)sessions_->join();
    }
    const io::DeadlineScope deliveries(kLeaveDeliveries);
    while (!scheduler_.idle() && !ending_) {
      hurry_.clear();
      if (!hurry_.wait()) break;
    }
  }

  /// A loop that stands still is noticed by the master, which waits for these.
  void heartbeat() {
    for (;;) {
      send_report(start_.link, Report::alive);
      if (!io::sleep_for(start_.heartbeat)) return;
    }
  }

  std::string status() const {
    StatusFacts f;
    f.master = start_.master;
    f.worker = getpid();
    if (start_.courier) f.courier = start_.courier->process();
    f.daemon = description();
    f.since = began_;
    f.ends = start_.ends;
    f.sessions = sessions_ ? sessions_->size() : 0;
    return status_text(f);
  }

  /// SIGUSR1: the process log as Exim's, and the log files are opened anew.
  void tell_of_itself() {
    if (ending_ || !process_) return;
    log::Log& log = *process_->engine.log;
    log.reopen();
    const auto& m = config_->main;
    const std::string path = m.process_log_path.empty() ? m.spool_directory + "/exim-process.info" : m.process_log_path;
    if (const Status st = write_process_log(path, status()); !st)
      log.write(log::kMain | log::kPanic, "", fmt::format("process log: {}", st.error().text));
  }

  /// Says what goes on to whoever connects; one after another, each within a moment.
  void answer_status() {
    remove_stale_status_sockets(config_->main.spool_directory);
    auto listener = io::Listener::unix_socket(status_socket(config_->main.spool_directory, start_.master),
                                              start_.courier ? 0660 : 0600);
    if (!listener) {
      process_->engine.log->write(log::kMain, "", fmt::format("remex status will not work: {}", listener.error().text));
      return;
    }
    while (!stop_.is_set()) {
      auto client = (*listener)->accept();
      if (!client) {
        if (client.error().kind != ErrorKind::defer) return;
        continue;
      }
      const io::DeadlineScope deadline(kStatusTime);
      (void)(*client)->write_all(status());
    }
  }

  /// -bw TIME: a super-server starts it again when the next client comes.
  void idle_watch() {
    if (opt_.idle_limit <= 0) return;
    auto last = monotonic_now();
    while (!stop_.is_set()) {
      if (!io::sleep_for(kIdleCheck)) return;
      if (counters_.sessions > 0) last = monotonic_now();
      if (monotonic_now() - last >= Seconds(opt_.idle_limit)) stop_.set();
    }
  }

  void adopt(std::shared_ptr<Process> p) {
    process_ = std::move(p);
    process_->services->debug_sink = opt_.debug_sink;
    process_->server.counters = &counters_;
    process_->engine.pool = pool_;
    process_->engine.limits = limits_;  // across reloads: connections are open, messages wait
    process_->engine.settler = settler_;
    std::weak_ptr<Process> weak = process_;
    process_->server.accepted = [this, weak](store::StoredMessage&& msg, bool queue_only) {
      auto strong = weak.lock();
      if (strong && !queue_only) scheduler_.deliver(std::move(strong), std::move(msg));
    };
    process_->engine.take_on = [this, weak](store::StoredMessage&& msg) {
      if (auto strong = weak.lock()) scheduler_.deliver(std::move(strong), std::move(msg));
    };
    process_->server.etrn = [this, weak](const smtp::Server::EtrnJob& job) {
      auto strong = weak.lock();
      return strong && scheduler_.etrn(std::move(strong), job);
    };
  }

  void keep_the_old(const Error& why) {
    process_->engine.log->write(log::kMain | log::kPanic, "",
                                fmt::format("SIGHUP: {}; the old configuration stays in force", why.text));
    send_report(start_.link, Report::refused);
  }

  void reload() {
    if (!opt_.reload || stop_.is_set())
      return;  // it ends, or makes room: the master has read it for the one that follows
    std::string problem;
    auto config = opt_.reload(problem);
    log::Log& log = *process_->engine.log;
    if (!config) {
      for (std::string_view line : split(problem, '\n'))
        if (!line.empty()) log.write(log::kMain | log::kPanic, "", "SIGHUP: " + std::string(line));
      log.write(log::kMain | log::kPanic, "", "SIGHUP: the new configuration is refused; the old one stays in force");
      send_report(start_.link, Report::refused);
      return;
    }
    if (const Status st = can_replace(*config_, *config); !st) return keep_the_old(st.error());
    auto lc = log_config(*config);
    if (lc && start_.courier && !start_.sandbox.covers(sandbox_needs(*config))) {
      log.write(log::kMain, "",
                fmt::format("pid {}: SIGHUP received: a new worker process begins with the new configuration, which "
                            "needs another sandbox",
                            start_.master));
      send_report(start_.link, Report::replace);
      return;
    }
    auto fresh_log = lc ? log::Log::open(*lc) : Result<std::shared_ptr<log::Log>>(std::unexpected(lc.error()));
    if (!fresh_log) return keep_the_old(fresh_log.error());
    auto made = Process::create_with(config, process_->engine.store, *fresh_log);
    if (!made) return keep_the_old(made.error());
    config_ = config;
    if (start_.courier) {
      start_.courier->reload();
      (*made)->services->set_courier(start_.courier);
    }
    adopt(std::move(*made));
    process_->engine.log->write(log::kMain, "",
                                fmt::format("pid {}: SIGHUP received: configuration loaded again", start_.master));
    send_report(start_.link, Report::reloaded);
  }

  /// `accept_one` takes one client of a listening socket.
  void accept_loop(const std::function<Status()>& accept_one) {
    while (!stop_.is_set()) {
      Status st;
      try {
        st = accept_one();
      } catch (const std::bad_alloc&) {
        st = fail("no memory for another session");  // the port stays open
      }
      if (st) continue;
      if (st.error().kind == ErrorKind::cancelled || st.error().kind == ErrorKind::closed) return;
      // EMFILE and the like: said once a while, tried again
      process_->engine.log->write(log::kMain | log::kPanic, "", fmt::format("accept() failed: {}", st.error().text));
      if (!io::sleep_for(Millis(200))) return;
    }
  }

  Status accept_one(BoundListener& l) {
    REMEX_TRY(auto socket, l.listener->accept());
    if (!stop_.is_set() || leaves_)  // else it came last, and the sessions are being joined
      start_session(std::move(socket), l.address.tls_on_connect);
    return {};
  }

  Status accept_submission() {
    REMEX_TRY(auto socket, submissions_->accept());
    if (stop_.is_set() && !leaves_) return {};
    auto caller = std::make_shared<std::unique_ptr<io::Socket>>(std::move(socket));
    sessions_->spawn("submission", [this, process = process_, caller] { submit_service_.serve(process, **caller); });
    return {};
  }

  void start_session(std::unique_ptr<io::Socket> socket, bool tls) {
    mail::ReceivedFrom from;
    const io::Endpoint peer = socket->peer(), local = socket->local();
    from.is_local = false;
    from.host_address = peer.ip.starts_with("::ffff:") ? peer.ip.substr(7) : peer.ip;
    from.host_port = peer.port;
    from.interface_address = local.ip.starts_with("::ffff:") ? local.ip.substr(7) : local.ip;
    from.interface_port = local.port;
    smtp::SessionOptions so;
    so.tls_on_connect = tls;
    const auto& m = config_->main;
    const int on = 1, off = 0;
    if (m.smtp_accept_keepalive) (void)setsockopt(socket->fd(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (!m.tcp_nodelay) (void)setsockopt(socket->fd(), IPPROTO_TCP, TCP_NODELAY, &off, sizeof off);
    auto stream = std::make_shared<std::unique_ptr<io::Stream>>(std::move(socket));
    sessions_->spawn("smtp session", [process = process_, stream, from = std::move(from), so]() mutable {
      smtp::Session session(process->server, std::move(*stream), std::move(from), so);
      session.run();
    });
  }

  void queue_loop(const QueueRunner& runner) {
    const std::size_t number = runner.is_usual() ? 0 : scheduler_.add(runner);
    // One of those that share a queue.
    const bool retries = &runner == &*std::find_if(opt_.runners.begin(), opt_.runners.end(), [&](const auto& r) {
      return &r == &runner || (r.takes_all() && r.queue_name == runner.queue_name);
    }) && runner.takes_all();
    const auto interval = std::chrono::duration_cast<Millis>(Seconds(runner.interval));
    while (!stop_.is_set()) {
      scheduler_.queue_run(process_, number);
      // Between the runs, what has a retry time is tried when it comes, not at the next run.
      const auto until = monotonic_now() + interval;
      while (monotonic_now() < until) {
        const auto left = std::chrono::duration_cast<Millis>(until - monotonic_now()) + Millis(1);
        if (!io::sleep_for(std::min(left, until_next_second())) || stop_.is_set()) return;
        if (retries) scheduler_.retry_due(process_, number);
      }
    }
  }

  /// Old hints are of no use, and clients choose their keys: without an end to them they would fill the disk.
  void tidy_loop() {
    while (!stop_.is_set()) {
      const auto process = process_;
      const auto& m = config_->main;
      const std::int64_t now = wall_seconds(),
                         life = std::max({kHintLife, m.callout_positive_expire, m.callout_negative_expire,
                                          m.callout_domain_positive_expire, m.callout_domain_negative_expire});
      if (auto s = process->engine.store->tidy(now - m.retry_data_expire, now - life);
          !s && s.error().kind != ErrorKind::cancelled)
        process->engine.log->write(log::kMain | log::kPanic, "", fmt::format("old hints: {}", s.error().text));
      for (const auto& [table, records] : process->engine.store->take_hints_dropped())
        process->engine.log->write(
            log::kMain | log::kPanic, "",
            fmt::format("{} records of {} hints were forgotten before their time: there were more "
                        "than hints_max_records = {}",
                        records, table, m.hints_max_records));
      if (!io::sleep_for(kTidyInterval)) return;
    }
  }

  std::shared_ptr<const lang::Config> config_;
  const DaemonOptions& opt_;
  std::vector<BoundListener>& listeners_;
  io::Listener* submissions_;
  const WorkerStart& start_;
  std::vector<std::string> notes_;
  std::shared_ptr<Process> process_;
  std::shared_ptr<transports::ConnectionPool> pool_;
  std::shared_ptr<transports::DestinationLimits> limits_;
  std::shared_ptr<io::Settler> settler_;
  smtp::Counters counters_;
  Instant began_ = monotonic_now();
  bool leaves_ = false;  ///< it makes room for another one
  bool ending_ = false;  ///< the daemon ends
  io::Event hurry_;      ///< a worker that leaves has no delivery any more, or no time
  io::Event stop_;
  SubmitService submit_service_{start_.courier != nullptr};
  std::unique_ptr<io::Nursery> sessions_ = std::make_unique<io::Nursery>();
  Scheduler scheduler_{64};
};

/// The worker does not outlive its master: an orphan would hold the ports of the next daemon.
Status end_with_master(pid_t master) {
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return fail_errno(errno, "prctl");
  return getppid() == master ? Status{} : fail("the daemon is gone");
}

/// The sandbox of a worker that was root. `notes`: what the log is told of it.
/// `start.sandbox` is then what was granted: a later configuration that needs what is missing now gets another worker.
Status give_up_what_is_not_needed(WorkerStart& start, std::vector<std::string>& notes) {
  if (hooks::active()) return {};  // its harness runs programs everywhere
  if (geteuid() == 0) {
    notes.emplace_back("sandbox: none, because exim_user is root");
    return {};
  }
  if (const std::string less = start.sandbox.text(); !less.empty()) notes.push_back("sandbox: " + less);
  if (!start.sandbox.enabled) return {};
  REMEX_TRY(const io::SandboxState state, io::enter_sandbox(start.sandbox.rules()));
  for (const std::string& what : state.missing) notes.push_back("sandbox: " + what);
  start.sandbox.grant();
  if (state.refusals >= 0) {
    send_report(start.link, Report::sandbox, state.refusals);
    close(state.refusals);
  }
  return {};
}

}  // namespace

int look_signal() { return SIGRTMIN; }

int run_worker(const DaemonOptions& opt, std::vector<BoundListener>& listeners, io::Listener* submissions,
               WorkerStart start) {
  (void)prctl(PR_SET_NAME, "remex-worker");
  const bool root = geteuid() == 0;
  if (root) {
    auto id = run_identity(*start.config);
    const Status st = id ? drop_root(*id) : Status(std::unexpected(id.error()));
    if (!st) return fail_start(EX_CONFIG, st.error().text);
  }
  // After the change of user, which makes the kernel forget it.
  if (const Status st = end_with_master(start.master); !st) return fail_start(EX_OSERR, st.error().text);
  signal(SIGPIPE, SIG_IGN);
  (void)io::raise_descriptor_limit();
  std::vector<std::string> notes;
  if (root)
    if (const Status st = give_up_what_is_not_needed(start, notes); !st)
      return fail_start(EX_OSERR, fmt::format("sandbox: {} (the option sandbox turns it off)", st.error().text));
  return io::run_loop([&] { return Worker(opt, listeners, submissions, start, std::move(notes)).serve(); });
}

}  // namespace remex::daemon
