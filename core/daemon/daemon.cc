// See daemon.h.

#include "core/daemon/daemon.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "core/base/strings.h"
#include "core/daemon/courier.h"
#include "core/daemon/listeners.h"
#include "core/daemon/process.h"
#include "core/daemon/scheduler.h"
#include "core/dns/unbound.h"
#include "core/hooks/hooks.h"
#include "core/io/gnutls.h"
#include "core/smtp/session.h"

namespace remex::daemon {

namespace {

constexpr Millis kDrainTime{30000};
constexpr Millis kTidyInterval{3600 * 1000};
constexpr std::int64_t kHintLife = 30 * 24 * 3600;  ///< seconds without a change; as long as exim_tidydb gives them
constexpr Millis kRetryCheck{1000};                 ///< how late a retry may begin; looking costs one step in an index

/// Tells systemd (Type=notify) without linking its library; nothing happens elsewhere.
void notify_supervisor(const char* text) {
  const char* path = getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@')) return;
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  sockaddr_un a{};
  a.sun_family = AF_UNIX;
  strncpy(a.sun_path, path, sizeof a.sun_path - 1);
  const auto len = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(path));
  if (a.sun_path[0] == '@') a.sun_path[0] = '\0';
  (void)!sendto(fd, text, strlen(text), MSG_NOSIGNAL, reinterpret_cast<sockaddr*>(&a), len);
  close(fd);
}

class Daemon {
 public:
  Daemon(std::shared_ptr<const lang::Config> config, const DaemonOptions& opt)
      : config_(std::move(config)), opt_(opt) {}

  int run() {
    // Now rather than at the first client: a server whose libraries are missing does not start.
    for (const io::LateLibrary* library : {&io::gnutls_library, &dns::unbound_library})
      if (const Status s = library->open(); !s) return fail_start(EX_OSFILE, s.error().text);
    if (const int rc = bind_all(); rc != EX_OK) return rc;
    if (!opt_.foreground && !detach()) return EX_OSERR;
    if (const int rc = write_pid(); rc != EX_OK) return rc;
    if (geteuid() == 0) {
      auto courier = make_courier(config_, [this] {
        std::string problem;
        return opt_.reload ? opt_.reload(problem) : nullptr;
      });
      if (!courier) return fail_start(EX_OSERR, courier.error().text);
      courier_ = std::move(*courier);
      auto id = run_identity(*config_);
      Status st = id ? become(*id, *config_) : Status(std::unexpected(id.error()));
      if (!st) return fail_start(EX_CONFIG, st.error().text);
    }
    return io::run_loop([this] { return serve(); });
  }

 private:
  int fail_start(int code, const std::string& text) {
    fmt::print(stderr, "remex: {}\n", text);
    return code;
  }

  /// Signals that come before serve() watches for them wait instead of killing the daemon.
  static void hold_signals(int how, std::initializer_list<int> which) {
    sigset_t set;
    sigemptyset(&set);
    for (const int s : which) sigaddset(&set, s);
    sigprocmask(how, &set, nullptr);
  }

  int bind_all() {
    hold_signals(SIG_BLOCK, {SIGHUP});
    if (!opt_.listen) return EX_OK;
    if (opt_.listener_on_stdin) return adopt_stdin();
    auto addresses = listen_addresses(*config_, opt_.listen_override);
    if (!addresses) return fail_start(EX_CONFIG, addresses.error().text);
    bool v6_any = false;
    for (const auto& a : *addresses) v6_any = v6_any || a.at.ip == "::";
    for (const auto& a : *addresses) {
      auto l = bind_one(a);
      if (!l) {
        // A host without IPv6 still serves IPv4.
        if (a.at.ip == "::" && (l.error().sys_errno == EAFNOSUPPORT || l.error().sys_errno == EADDRNOTAVAIL)) continue;
        return fail_start(EX_OSERR, fmt::format("cannot listen on [{}]:{}: {}", a.at.ip, a.at.port, l.error().text));
      }
      listeners_.push_back({a, std::move(*l)});
    }
    if (listeners_.empty()) return fail_start(EX_OSERR, "no address could be listened on");
    hold_signals(SIG_BLOCK, {SIGTERM, SIGINT});
    return EX_OK;
  }

  int adopt_stdin() {
    int listening = 0;
    socklen_t size = sizeof listening;
    if (getsockopt(0, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) != 0 || listening == 0)
      return fail_start(EX_USAGE, "-bw needs a listening socket as standard input");
    const int fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return fail_start(EX_OSERR, strerror(errno));
    auto listener = io::Listener::adopt(fd);
    ListenAddress a;
    a.at = listener->local();
    listeners_.push_back({a, std::move(listener)});
    hold_signals(SIG_BLOCK, {SIGTERM, SIGINT});
    return EX_OK;
  }

  /// -bw TIME: a super-server starts it again when the next client comes.
  void idle_watch() {
    if (opt_.idle_limit <= 0) return;
    auto last = monotonic_now();
    while (!stop_.is_set()) {
      if (!io::sleep_for(kRetryCheck)) return;
      if (counters_.sessions > 0) last = monotonic_now();
      if (monotonic_now() - last >= Seconds(opt_.idle_limit)) stop_.set();
    }
  }

  /// Waits for an address that is in use to become free (daemon_startup_retries times daemon_startup_sleep).
  Result<std::unique_ptr<io::Listener>> bind_one(const ListenAddress& a) {
    const auto& m = config_->main;
    for (std::int64_t tries = std::max<std::int64_t>(0, m.daemon_startup_retries);; --tries) {
      auto l = io::Listener::tcp(a.at, static_cast<int>(m.smtp_connect_backlog));
      if (l || l.error().sys_errno != EADDRINUSE || tries == 0) return l;
      fmt::print(
          stderr,
          "remex: socket bind() to port {} for address {} failed: {}: waiting {} before trying again ({} more tries)\n",
          a.at.port, a.at.ip, l.error().text, format_interval(m.daemon_startup_sleep), tries);
      sleep(static_cast<unsigned>(std::clamp<std::int64_t>(m.daemon_startup_sleep, 1, 3600)));
    }
  }

  bool detach() {
    const pid_t pid = fork();
    if (pid < 0) return false;
    if (pid > 0) _exit(0);
    if (setsid() < 0) return false;
    const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
      for (int fd = 0; fd < 3; ++fd) dup2(null, fd);
    (void)!chdir("/");
    return true;
  }

  int write_pid() {
    if (!opt_.write_pid_file) return EX_OK;
    std::string path = opt_.pid_file.empty() ? config_->main.pid_file_path : opt_.pid_file;
    if (path.empty()) path = config_->main.spool_directory + "/exim-daemon.pid";
    if (path.find('/') != std::string::npos) (void)mkdir(path.substr(0, path.rfind('/')).c_str(), 0750);
    const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return fail_start(EX_CANTCREAT, fmt::format("cannot write the pid file {}: {}", path, strerror(errno)));
    const std::string text = fmt::format("{}\n", getpid());
    (void)!write(fd, text.data(), text.size());
    if (geteuid() == 0)
      if (auto id = run_identity(*config_)) (void)!fchown(fd, id->uid, id->gid);
    close(fd);
    pid_path_ = path;
    return EX_OK;
  }

  int serve() {
    ProcessOptions po;
    po.server = true;
    po.courier = courier_;
    auto made = Process::create(config_, po);
    if (!made) return fail_start(made.error().kind == ErrorKind::config ? EX_CONFIG : EX_CANTCREAT, made.error().text);
    pool_ = std::make_shared<transports::ConnectionPool>();
    settler_ = std::make_shared<io::Settler>();
    adopt(std::move(*made));
    const std::string where = listening_text();
    process_->engine.log->write(
        log::kMain, "",
        fmt::format(
            "{} {} daemon started: pid={}, {}, {}", hooks::program(), hooks::version(), getpid(),
            opt_.queue_interval > 0 ? fmt::format("-q{}", format_interval(opt_.queue_interval)) : "no queue runs",
            opt_.listen ? "listening for " + where : "not listening for SMTP"));
    io::SignalWatch term(SIGTERM, [this] { stop_.set(); });
    io::SignalWatch intr(SIGINT, [this] { stop_.set(); });
    io::SignalWatch hup(SIGHUP, [this] { reload(); });
    hold_signals(SIG_UNBLOCK, {SIGHUP, SIGTERM, SIGINT});
    io::SignalWatch usr1(SIGUSR1, [this] { process_->engine.log->reopen(); });
    signal(SIGPIPE, SIG_IGN);
    notify_supervisor("READY=1");
    {
      io::Nursery nursery;
      for (std::size_t i = 0; i < listeners_.size(); ++i) nursery.spawn("listener", [this, i] { accept_loop(i); });
      nursery.spawn("queue runner", [this] { queue_loop(); });
      nursery.spawn("idle watch", [this] { idle_watch(); });
      nursery.spawn("tidying", [this] { tidy_loop(); });
      (void)stop_.wait();
      notify_supervisor("STOPPING=1");
      for (auto& l : listeners_) l.listener->close();
      nursery.cancel_all();
      sessions_->cancel_all();  // each says 421 and goes
      const io::DeadlineScope deadline(kDrainTime);
      (void)sessions_->join();
      scheduler_.drain();
      sessions_.reset();  // nobody uses the connections and the settler any more
      settler_->flush();
      pool_->close_all();
      (void)nursery.join();
    }
    if (!hooks::active())
      process_->engine.log->write(log::kMain, "", fmt::format("remex daemon stopped: pid={}", getpid()));
    // What is tied to the loop goes before the loop does.
    process_->engine.pool.reset();
    pool_.reset();
    process_.reset();
    if (!pid_path_.empty()) unlink(pid_path_.c_str());
    return EX_OK;
  }

  /// "SMTP on port 25 (IPv6 and IPv4) [127.0.0.1]:26 and for SMTPS on port 465 (IPv4)", as Exim tells it.
  std::string listening_text() const {
    std::string parts[2];
    for (const bool tls : {false, true}) {
      for (std::size_t i = 0; i < listeners_.size(); ++i) {
        const auto& a = listeners_[i].address;
        if (a.tls_on_connect != tls) continue;
        const auto port = listeners_[i].listener->local().port;
        const bool any = a.at.ip == "0.0.0.0" || a.at.ip == "::";
        const auto sister = [&](std::size_t k) {
          const auto& b = listeners_[k].address;
          return b.tls_on_connect == tls && b.at.ip != a.at.ip && (b.at.ip == "0.0.0.0" || b.at.ip == "::") &&
                 listeners_[k].listener->local().port == port;
        };
        bool both = false, told = false;
        for (std::size_t k = 0; any && k < listeners_.size(); ++k) {
          if (k == i || !sister(k)) continue;
          both = true;
          told = told || k < i;
        }
        if (told) continue;
        if (any) {
          const char* family = both ? "IPv6 and IPv4" : a.at.ip == "::" ? "IPv6" : "IPv4";
          parts[tls ? 1 : 0] += fmt::format(" port {} ({})", port, family);
          continue;
        }
        // The ports of one address stand together.
        std::vector<std::string> ports;
        bool first = true;
        for (std::size_t k = 0; k < listeners_.size(); ++k) {
          const auto& b = listeners_[k].address;
          if (b.tls_on_connect != tls || b.at.ip != a.at.ip) continue;
          first = first && k >= i;
          ports.push_back(std::to_string(listeners_[k].listener->local().port));
        }
        if (first)
          parts[tls ? 1 : 0] += ports.size() == 1 ? fmt::format(" [{}]:{}", a.at.ip, ports[0])
                                                  : fmt::format(" [{}]:{{{}}}", a.at.ip, join(ports, ","));
      }
    }
    std::string out;
    if (!parts[0].empty()) out = "SMTP on" + parts[0];
    if (!parts[1].empty()) out += (out.empty() ? "" : " and for ") + ("SMTPS on" + parts[1]);
    return out;
  }

  void adopt(std::shared_ptr<Process> p) {
    process_ = std::move(p);
    process_->services->debug_sink = opt_.debug_sink;
    process_->server.counters = &counters_;
    process_->engine.pool = pool_;
    process_->engine.settler = settler_;
    std::weak_ptr<Process> weak = process_;
    process_->server.accepted = [this, weak](store::StoredMessage&& msg, bool queue_only) {
      auto strong = weak.lock();
      if (strong && !queue_only) scheduler_.deliver(std::move(strong), std::move(msg));
    };
    process_->server.etrn = [this, weak](const smtp::Server::EtrnJob& job) {
      auto strong = weak.lock();
      return strong && scheduler_.etrn(std::move(strong), job);
    };
  }

  void reload() {
    if (!opt_.reload) return;
    std::string problem;
    auto config = opt_.reload(problem);
    log::Log& log = *process_->engine.log;
    if (!config) {
      for (std::string_view line : split(problem, '\n'))
        if (!line.empty()) log.write(log::kMain | log::kPanic, "", "SIGHUP: " + std::string(line));
      log.write(log::kMain | log::kPanic, "", "SIGHUP: the new configuration is refused; the old one stays in force");
      return;
    }
    if (config->main.spool_directory != config_->main.spool_directory ||
        config->main.exim_user != config_->main.exim_user) {
      log.write(
          log::kMain | log::kPanic, "",
          "SIGHUP: spool_directory and exim_user cannot change while running; the old configuration stays in force");
      return;
    }
    auto lc = log_config(*config);
    auto fresh_log = lc ? log::Log::open(*lc) : Result<std::shared_ptr<log::Log>>(std::unexpected(lc.error()));
    if (!fresh_log) {
      log.write(log::kMain | log::kPanic, "",
                fmt::format("SIGHUP: {}; the old configuration stays in force", fresh_log.error().text));
      return;
    }
    auto made = Process::create_with(config, process_->engine.store, *fresh_log);
    if (!made) {
      log.write(log::kMain | log::kPanic, "",
                fmt::format("SIGHUP: {}; the old configuration stays in force", made.error().text));
      return;
    }
    config_ = config;
    if (courier_) {
      courier_->reload();
      (*made)->services->set_courier(courier_);
    }
    adopt(std::move(*made));
    if (auto want = listen_addresses(*config_, opt_.listen_override); opt_.listen && want) {
      bool same = want->size() == listeners_.size();
      for (const auto& l : listeners_) same = same && std::find(want->begin(), want->end(), l.address) != want->end();
      if (!same)
        process_->engine.log->write(log::kMain, "", "SIGHUP: other addresses to listen on take effect after a restart");
    }
    process_->engine.log->write(log::kMain, "",
                                fmt::format("pid {}: SIGHUP received: configuration loaded again", getpid()));
  }

  void accept_loop(std::size_t index) {
    auto& l = listeners_[index];
    while (!stop_.is_set()) {
      auto s = l.listener->accept();
      if (!s) {
        if (s.error().kind == ErrorKind::cancelled || s.error().kind == ErrorKind::closed) return;
        // EMFILE and the like: said once a while, tried again
        process_->engine.log->write(log::kMain | log::kPanic, "", fmt::format("accept() failed: {}", s.error().text));
        if (!io::sleep_for(Millis(200))) return;
        continue;
      }
      if (stop_.is_set()) return;  // it came last, and the sessions are being joined
      start_session(std::move(*s), l.address.tls_on_connect);
    }
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

  void queue_loop() {
    if (opt_.queue_interval <= 0) return;
    const auto interval = std::chrono::duration_cast<Millis>(Seconds(opt_.queue_interval));
    while (!stop_.is_set()) {
      scheduler_.queue_run(process_);
      // Between the runs, what has a retry time is tried when it comes, not at the next run.
      const auto until = monotonic_now() + interval;
      while (monotonic_now() < until) {
        const auto left = std::chrono::duration_cast<Millis>(until - monotonic_now()) + Millis(1);
        if (!io::sleep_for(std::min(left, kRetryCheck)) || stop_.is_set()) return;
        scheduler_.retry_due(process_);
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
      if (!io::sleep_for(kTidyInterval)) return;
    }
  }

  struct Bound {
    ListenAddress address;
    std::unique_ptr<io::Listener> listener;
  };
  std::shared_ptr<const lang::Config> config_;
  const DaemonOptions& opt_;
  std::vector<Bound> listeners_;
  std::shared_ptr<Process> process_;
  std::shared_ptr<transports::ConnectionPool> pool_;
  std::shared_ptr<io::Settler> settler_;
  std::shared_ptr<io::Courier> courier_;  ///< of a daemon started as root
  smtp::Counters counters_;
  std::string pid_path_;
  io::Event stop_;
  std::unique_ptr<io::Nursery> sessions_ = std::make_unique<io::Nursery>();
  Scheduler scheduler_{64};
};

}  // namespace

int run_daemon(std::shared_ptr<const lang::Config> config, const DaemonOptions& opt) {
  return Daemon(std::move(config), opt).run();
}

}  // namespace remex::daemon
