// See daemon.h. This is the master's start: what needs root and happens once. Then it supervises (supervisor.h).

#include "core/daemon/daemon.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <optional>
#include <thread>

#include "core/base/crypt_api.h"
#include "core/base/nettle_api.h"
#include "core/base/strings.h"
#include "core/daemon/hand_over.h"
#include "core/daemon/listeners.h"
#include "core/daemon/process.h"
#include "core/daemon/service_manager.h"
#include "core/daemon/submit_socket.h"
#include "core/daemon/supervisor.h"
#include "core/daemon/worker.h"
#include "core/dns/unbound.h"
#include "core/io/gnutls.h"
#include "core/io/sqlite_api.h"
#include "core/mail/idn2_api.h"
#include "core/msgauth/psl_api.h"

namespace remex::daemon {

namespace {

/// A daemon that was killed a moment ago still has its ports for as long as its worker takes to end.
constexpr Millis kPortPatience{2000};

class Daemon {
 public:
  Daemon(std::shared_ptr<const lang::Config> config, const DaemonOptions& opt)
      : config_(std::move(config)), opt_(opt) {}

  int run() {
    // Now rather than at the first client: a server whose libraries are missing does not start.
    for (const io::LateLibrary* library : {&io::gnutls_library, &dns::unbound_library, &sqlite_library, &idn2_library,
                                           &psl_library, &nettle_library, &crypt_library})
      if (const Status s = library->open(); !s) return fail_start(EX_OSFILE, s.error().text);
    hold_signals({SIGHUP, SIGUSR1});
    if (const int rc = bind_all(); rc != EX_OK) return rc;
    hold_ends(true);
    if (const int rc = hand_over(); rc != EX_OK) return rc;  // while somebody sees why not
    open_submissions();
    if (!opt_.foreground && !detach()) return EX_OSERR;
    if (const int rc = write_pid(); rc != EX_OK) return rc;
    const int rc = supervised();
    close_submissions();
    if (!pid_path_.empty()) unlink(pid_path_.c_str());
    return rc;
  }

 private:
  int hand_over() {
    if (geteuid() != 0) return EX_OK;
    auto id = run_identity(*config_);
    if (!id) return fail_start(EX_CONFIG, id.error().text);
    auto notes = hand_over_directories(*id, *config_, HandOver::all);
    if (!notes) return fail_start(EX_CONFIG, notes.error().text);
    for (const std::string& note : *notes) fmt::print(stderr, "remex: {}\n", note);
    notes_ = std::move(*notes);
    return EX_OK;
  }

  /// A daemon that was killed a moment ago may still have them. Another one that lives keeps them.
  void open_submissions() {
    if (opt_.listener_on_stdin) return;
    for (const Instant patient = monotonic_now() + kPortPatience;; wait_for_port(Millis(50))) {
      auto made = open_submit_socket(*config_);
      if (!made) {
        fmt::print(stderr, "remex: {}\n", made.error().text);
        notes_.push_back(made.error().text);
        return;
      }
      submissions_ = std::move(*made);
      if (submissions_) return;
      if (monotonic_now() < patient) continue;
      notes_.push_back(
          fmt::format("another daemon takes the messages of users who may not write the spool, at {}: this one does so "
                      "when it gets SIGHUP after the end of that one",
                      submit_socket(config_->main.spool_directory)));
      return;
    }
  }

  /// Once: the name may be another daemon's afterwards.
  void close_submissions() {
    if (!submissions_) return;
    remove_submit_socket(*submissions_);
    submissions_.reset();
  }

  int supervised() {
    SupervisorOptions so;
    so.config = config_;
    so.notes = std::move(notes_);
    so.reload = [this](std::string& problem) { return opt_.reload ? opt_.reload(problem) : nullptr; };
    so.work = [this](const WorkerStart& start) {
      return run_worker(opt_, listeners_, submissions_ ? submissions_->listener.get() : nullptr, start);
    };
    so.listen_as = [this](const lang::Config& config, std::string& now) { return listen_as(config, now); };
    so.stop_listening = [this] {
      for (auto& l : listeners_) l.listener->close();
      close_submissions();
    };
    return supervise(std::move(so));
  }

  /// From the moment a port is open, a signal that ends the daemon is one for the supervisor, and the end is in good
  /// order. While it waits for a port it can be killed.
  static void hold_ends(bool on) {
    sigset_t ends;
    sigemptyset(&ends);
    for (const int s : {SIGTERM, SIGINT}) sigaddset(&ends, s);
    sigprocmask(on ? SIG_BLOCK : SIG_UNBLOCK, &ends, nullptr);
  }

  static void wait_for_port(Millis time) {
    hold_ends(false);
    std::this_thread::sleep_for(time);
    hold_ends(true);
  }

  int fail_start(int code, const std::string& text) {
    fmt::print(stderr, "remex: {}\n", text);
    return code;
  }

  int bind_all() {
    if (!opt_.listen) return EX_OK;
    if (opt_.listener_on_stdin) return adopt_stdin();
    auto addresses = listen_addresses(*config_, opt_.listen_override);
    if (!addresses) return fail_start(EX_CONFIG, addresses.error().text);
    auto given = inherited_sockets();
    if (!given) return fail_start(EX_CONFIG, given.error().text);
    auto adopted = adopt_listeners(*given, *addresses);
    if (!adopted) return fail_start(EX_CONFIG, adopted.error().text);
    listeners_ = std::move(*adopted);
    for (const auto& a : *addresses) {
      auto l = bind_one(a);
      if (!l) {
        if (lacks_ipv6(a, l.error())) continue;
        return fail_start(EX_OSERR, fmt::format("cannot listen on {}: {}", address_text(a.at), l.error().text));
      }
      listeners_.push_back({a, std::move(*l)});
    }
    if (listeners_.empty()) return fail_start(EX_OSERR, "no address could be listened on");
    return EX_OK;
  }

  /// The sockets of another configuration. `now`: what is listened on afterwards, for the log.
  Result<bool> listen_as(const lang::Config& config, std::string& now) {
    Result<bool> changed = false;
    if (opt_.listen && !opt_.listener_on_stdin) {
      auto wanted = listen_addresses(config, opt_.listen_override);
      changed =
          wanted ? change_listeners(listeners_, std::move(*wanted), static_cast<int>(config.main.smtp_connect_backlog))
                 : Result<bool>(std::unexpected(wanted.error()));
    }
    if (changed && !submissions_ && !opt_.listener_on_stdin)  // the daemon that had them may be gone
      if (auto made = open_submit_socket(config); made && *made) {
        submissions_ = std::move(*made);
        changed = true;
      }
    now = listening_text(listeners_);
    return changed;
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
    return EX_OK;
  }

  /// Waits for an address that is in use to become free (daemon_startup_retries times daemon_startup_sleep).
  Result<std::unique_ptr<io::Listener>> bind_one(const ListenAddress& a) {
    const auto& m = config_->main;
    hold_ends(true);
    const Instant patient = monotonic_now() + kPortPatience;
    for (std::int64_t tries = std::max<std::int64_t>(0, m.daemon_startup_retries);; --tries) {
      auto l = io::Listener::tcp(a.at, static_cast<int>(m.smtp_connect_backlog));
      while (!l && l.error().sys_errno == EADDRINUSE && monotonic_now() < patient) {
        wait_for_port(Millis(50));
        l = io::Listener::tcp(a.at, static_cast<int>(m.smtp_connect_backlog));
      }
      if (l || l.error().sys_errno != EADDRINUSE || tries == 0) return l;
      fmt::print(
          stderr,
          "remex: socket bind() to port {} for address {} failed: {}: waiting {} before trying again ({} more tries)\n",
          a.at.port, a.at.ip, l.error().text, format_interval(m.daemon_startup_sleep), tries);
      wait_for_port(Seconds(std::clamp<std::int64_t>(m.daemon_startup_sleep, 1, 3600)));
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
    int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    // A daemon of root's that was killed left it: whoever may write in the directory may make another one.
    if (fd < 0 && errno == EACCES && unlink(path.c_str()) == 0)
      fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) return fail_start(EX_CANTCREAT, fmt::format("cannot write the pid file {}: {}", path, strerror(errno)));
    const std::string text = fmt::format("{}\n", getpid());
    (void)!write(fd, text.data(), text.size());
    close(fd);
    pid_path_ = path;
    return EX_OK;
  }

  std::shared_ptr<const lang::Config> config_;
  const DaemonOptions& opt_;
  std::vector<BoundListener> listeners_;
  std::optional<SubmitSocket> submissions_;  ///< nothing: another daemon's, or not to be had
  std::string pid_path_;
  std::vector<std::string> notes_;  ///< of the directories, for the log
};

}  // namespace

int run_daemon(std::shared_ptr<const lang::Config> config, const DaemonOptions& opt) {
  return Daemon(std::move(config), opt).run();
}

}  // namespace remex::daemon
