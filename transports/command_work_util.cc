// Running a command with a message on its standard input. Runs in a courier's child (as the recipient) or in a thread
// of an unprivileged process: between fork and exec only calls are made that are safe in a copy of a threaded process.
//
// The command has a session of its own; at the time limit, or when it writes more than it may, the whole process group
// is killed. When nobody waits for the answer any more (the server stops, or died) the message will be delivered again,
// so the group is told to end, and killed a little later. Descriptors other than 0, 1 and 2 are closed.
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "transports/courier_work.h"
#include "transports/files_work.h"

namespace remex::transports {
namespace {

constexpr Seconds kGrace{5};  ///< between SIGTERM and SIGKILL

/// All an exec needs, laid out before the fork.
struct Command {
  std::vector<std::string> argv, environment;
  std::string directory;
  mode_t umask = 022;
  bool core = false;
  std::vector<char*> argp, envp;
  std::array<Fd, 4> pipe_ends;  ///< to its stdin: 0 theirs, 1 mine; from its stdout: 2 mine, 3 theirs

  explicit Command(const io::Fields& f)
      : argv(texts(f, "arg")),
        environment(texts(f, "env")),
        directory(text(f, "directory")),
        umask(static_cast<mode_t>(number(f, "umask", 022))),
        core(number(f, "permit_coredump") != 0) {
    for (std::string& s : argv) argp.push_back(s.data());
    argp.push_back(nullptr);
    for (std::string& s : environment) envp.push_back(s.data());
    envp.push_back(nullptr);
  }
};

/// In the new process. What cannot be done is told as an errno through `report`.
[[noreturn]] void become_command(const Command& c, int in, int out, int err_out, int report) {
  const auto give_up = [&report](int err) {  // report is another descriptor below
    (void)!::write(report, &err, sizeof err);
    ::_exit(127);
  };
  (void)::setsid();
  (void)::prctl(PR_SET_PDEATHSIG, SIGTERM);  // whoever minds it may end before it could say so
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int s = 1; s < NSIG; ++s) (void)::signal(s, SIG_DFL);
  // The descriptors may be 0..2 already; lift them out of the way first.
  in = ::fcntl(in, F_DUPFD_CLOEXEC, 10);
  out = ::fcntl(out, F_DUPFD_CLOEXEC, 10);
  err_out = ::fcntl(err_out, F_DUPFD_CLOEXEC, 10);
  report = ::fcntl(report, F_DUPFD_CLOEXEC, 10);
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(err_out, 2) < 0) give_up(errno);
  if (report > 3) (void)::close_range(3, static_cast<unsigned>(report) - 1, 0);
  (void)::close_range(static_cast<unsigned>(report) + 1, ~0U, 0);
  ::umask(c.umask);
  const rlimit no_core{c.core ? RLIM_INFINITY : 0, c.core ? RLIM_INFINITY : 0};
  (void)::setrlimit(RLIMIT_CORE, &no_core);
  if (::chdir(c.directory.empty() ? "/" : c.directory.c_str()) != 0) {
    const int err = errno | 0x10000;  // the directory, not the program
    (void)!::write(report, &err, sizeof err);
    ::_exit(127);
  }
  ::execve(c.argp[0], c.argp.data(), c.envp.data());
  give_up(errno);
  ::_exit(127);
}

Result<pid_t> start(Command& c, int in, int out, int err_out, int& exec_error) {
  int report[2];
  if (::pipe2(report, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int err = errno;
    ::close(report[0]);
    ::close(report[1]);
    return fail_errno(err, "fork");
  }
  if (pid == 0) become_command(c, in, out, err_out, report[1]);
  ::close(report[1]);
  int err = 0;
  ssize_t n = 0;
  while ((n = ::read(report[0], &err, sizeof err)) < 0 && errno == EINTR) {
  }
  ::close(report[0]);
  exec_error = n == static_cast<ssize_t>(sizeof err) ? err : 0;
  return pid;
}

struct Outcome {
  int status = 0;
  bool timed_out = false, too_much = false, unread = false;
  std::string output;
};

/// Feeds and reads until output ends, then waits for the end of the process; kills the group at the limits.
class Conversation {
 public:
  /// `asker`: the socket of who waits for the answer.
  Conversation(pid_t pid, Fd in, Fd out, int asker, std::string_view message, std::size_t max_output,
               std::int64_t timeout)
      : pid_(pid),
        asker_(asker),
        in_(std::move(in)),
        out_(std::move(out)),
        rest_(message),
        max_(max_output),
        until_(timeout > 0 ? monotonic_now() + Seconds(timeout) : Instant::max()) {}

  Outcome run() {
    if (rest_.empty()) in_ = Fd();
    while (out_ || in_) {
      pollfd fds[3] = {{in_ ? in_.get() : -1, POLLOUT, 0}, {out_ ? out_.get() : -1, POLLIN, 0}, {asker_, 0, 0}};
      const int wait = remaining();
      if (wait == 0) return kill_it(true);
      (void)::poll(fds, 3, wait);
      if ((fds[2].revents & (POLLHUP | POLLERR)) != 0) asker_gone();
      if (fds[0].revents != 0) feed();
      if (fds[1].revents != 0 && !read()) return kill_it(false);
      if (!out_ && in_ && ended()) break;
    }
    // It closed its output; its end is still to come.
    while (!ended()) {
      if (remaining() == 0) return kill_it(true);
      pollfd asker{asker_, 0, 0};
      (void)::poll(&asker, 1, std::min(remaining(), 20));
      if ((asker.revents & (POLLHUP | POLLERR)) != 0) asker_gone();
    }
    return std::move(result_);
  }

 private:
  int remaining() const {
    if (until_ == Instant::max()) return 60000;
    const auto left = std::chrono::duration_cast<Millis>(until_ - monotonic_now()).count();
    return left <= 0 ? 0 : static_cast<int>(std::min<std::int64_t>(left, 60000));
  }

  void asker_gone() {
    asker_ = -1;
    until_ = std::min(until_, monotonic_now() + kGrace);
    ::kill(-pid_, SIGTERM);
  }

  void feed() {
    const ssize_t n = ::write(in_.get(), rest_.data(), rest_.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n < 0) {
      result_.unread = true;  // it did not want all of it
      in_ = Fd();
      return;
    }
    rest_.remove_prefix(static_cast<std::size_t>(n));
    if (rest_.empty()) in_ = Fd();
  }

  bool read() {
    std::array<char, 8192> block;
    const ssize_t n = ::read(out_.get(), block.data(), block.size());
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) {
      out_ = Fd();
      return true;
    }
    const std::size_t fits = std::min(static_cast<std::size_t>(n), max_ - result_.output.size());
    result_.output.append(block.data(), fits);
    return fits == static_cast<std::size_t>(n);
  }

  bool ended() {
    if (over_) return true;
    const pid_t got = ::waitpid(pid_, &result_.status, WNOHANG);
    over_ = got == pid_ || (got < 0 && errno != EINTR);
    return over_;
  }

  Outcome kill_it(bool timed_out) {
    result_.timed_out = timed_out;
    result_.too_much = !timed_out;
    ::kill(-pid_, SIGKILL);
    ::kill(pid_, SIGKILL);
    in_ = Fd();
    out_ = Fd();
    if (!over_)
      while (::waitpid(pid_, &result_.status, 0) < 0 && errno == EINTR) {
      }
    over_ = true;
    return std::move(result_);
  }

  pid_t pid_;
  int asker_;
  Fd in_, out_;
  std::string_view rest_;
  std::size_t max_;
  Instant until_;
  bool over_ = false;
  Outcome result_;
};

bool make_pipe(Fd& reader, Fd& writer) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return false;
  reader = Fd(fds[0]);
  writer = Fd(fds[1]);
  return true;
}

void set_nonblocking(int fd) { (void)::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

io::Fields describe_exec(int code, const Command& c) {
  const int err = code & 0xffff;
  io::Fields f{{"exec_errno", std::to_string(err)}};
  f["exec_error"] = (code & 0x10000) != 0
                        ? fmt::format("failed to change directory to {}: {}", c.directory, std::strerror(err))
                        : std::string(std::strerror(err));
  if ((code & 0x10000) != 0) f["directory_error"] = "1";
  return f;
}

}  // namespace

io::Fields run_command(const io::Fields& f, std::string_view message, int asker) {
  Command c(f);
  if (c.argv.empty() || !c.argv[0].starts_with('/')) return failure(fail("no program to run").error());
  Fd theirs_in, mine_in, mine_out, theirs_out;
  if (!make_pipe(theirs_in, mine_in) || !make_pipe(mine_out, theirs_out))
    return failure(Error{ErrorKind::defer, fmt::format("pipe: {}", std::strerror(errno)), errno});
  int exec_error = 0;
  auto pid = start(c, theirs_in.get(), theirs_out.get(), theirs_out.get(), exec_error);
  if (!pid) return failure(Error{ErrorKind::defer, pid.error().text, pid.error().sys_errno});
  theirs_in = Fd();
  theirs_out = Fd();
  if (exec_error != 0) {
    while (::waitpid(*pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    return describe_exec(exec_error, c);
  }
  set_nonblocking(mine_in.get());
  set_nonblocking(mine_out.get());
  Conversation talk(*pid, std::move(mine_in), std::move(mine_out), asker, message,
                    static_cast<std::size_t>(std::max<std::int64_t>(0, number(f, "max_output", 20480))),
                    number(f, "timeout"));
  Outcome o = talk.run();
  io::Fields answer{{"output", std::move(o.output)}};
  if (o.timed_out) answer["timed_out"] = "1";
  if (o.too_much) answer["too_much"] = "1";
  if (o.unread) answer["unread"] = "1";
  if (WIFSIGNALED(o.status))
    answer["signal"] = std::to_string(WTERMSIG(o.status));
  else
    answer["exit"] = std::to_string(WEXITSTATUS(o.status));
  return answer;
}

void run_conversation(const io::Fields& f, int fd) {
  Command c(f);
  if (c.argv.empty() || !c.argv[0].starts_with('/')) {
    (void)io::write_fields(fd, failure(fail("no program to run").error()));
    return;
  }
  // The answer goes before the command's first word, so what can be known of a failure is looked at now.
  if (::access(c.argp[0], X_OK) != 0) {
    (void)io::write_fields(fd, describe_exec(errno, c));
    return;
  }
  const Fd null(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (!io::write_fields(fd, {})) return;
  int exec_error = 0;
  auto pid = start(c, fd, fd, null.get(), exec_error);
  if (!pid) return;
  // The command ends when its input ends or when the other side has gone; it gets no more time than it was given.
  Instant until = monotonic_now() + Seconds(std::max<std::int64_t>(1, number(f, "timeout", 300)));
  bool gone = false;
  int status = 0;
  while (::waitpid(*pid, &status, WNOHANG) == 0) {
    pollfd p{gone ? -1 : fd, 0, 0};
    (void)::poll(&p, 1, 100);
    if ((p.revents & (POLLHUP | POLLERR)) != 0) {
      gone = true;
      until = std::min(until, monotonic_now() + kGrace);
    }
    if (monotonic_now() > until) {
      ::kill(-*pid, SIGKILL);
      ::kill(*pid, SIGKILL);
      (void)::waitpid(*pid, &status, 0);
      break;
    }
  }
}

}  // namespace remex::transports
