// Child processes through uv_spawn: own session (so a kill reaches its children), own pipes, nothing inherited.
//
// Three fibers serve a process: one writes its input, one reads its output, the caller waits for its end. libuv reaps
// it whatever happens to them.
#include "core/io/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <stdexcept>

#include "core/hooks/hooks.h"
#include "core/io/scheduler.h"
#include "core/io/stream.h"

namespace remex::io {
namespace {

constexpr auto kAfterExit = Millis(1000);  // output of children it left behind is not waited for longer

struct Child {
  uv_process_t handle{};
  Event ended;
  std::int64_t exit_status = -1;
  int signal = 0;
};

void on_exit(uv_process_t* h, std::int64_t status, int signal) {
  auto* c = static_cast<Child*>(h->data);
  c->exit_status = status;
  c->signal = signal;
  c->ended.set();
}

struct Pipe {
  int mine = -1;
  int theirs = -1;
};

Status open_pipe(Pipe& p, bool i_write) {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  p.mine = fds[i_write ? 1 : 0];
  p.theirs = fds[i_write ? 0 : 1];
  return {};
}

void close_fd(int& fd) {
  if (fd >= 0) ::close(std::exchange(fd, -1));
}

std::vector<char*> pointers(const std::vector<std::string>& v) {
  std::vector<char*> out;
  out.reserve(v.size() + 1);
  for (const std::string& s : v) out.push_back(const_cast<char*>(s.c_str()));
  out.push_back(nullptr);
  return out;
}

/// The soft limit before raise_descriptor_limit(); unset: it was not raised.
std::optional<rlim_t> former_descriptor_limit;

/// Best effort: a program that has ended meanwhile needs no limit.
void restore_descriptor_limit(pid_t pid) {
  rlimit limit{};
  if (!former_descriptor_limit || ::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = *former_descriptor_limit;
  (void)::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr);
}

int spawn(Child& child, const ProcessSpec& spec, int in, int out, int err) {
  auto argv = pointers(spec.argv);
  auto env = pointers(spec.environment);
  std::array<uv_stdio_container_t, 3> stdio{};
  const std::array fds{in, out, err};
  for (std::size_t i = 0; i < 3; ++i) {
    stdio[i].flags = UV_INHERIT_FD;
    stdio[i].data.fd = fds[i];
  }
  uv_process_options_t o{};
  o.exit_cb = on_exit;
  o.file = argv[0];
  o.args = argv.data();
  o.env = env.data();
  o.cwd = spec.directory.empty() ? nullptr : spec.directory.c_str();
  o.flags = UV_PROCESS_DETACHED;  // setsid: its own process group
  o.stdio_count = 3;
  o.stdio = stdio.data();
  child.handle.data = &child;
  const int rc = uv_spawn(&this_loop()->uv, &child.handle, &o);
  if (rc == 0) restore_descriptor_limit(child.handle.pid);
  return rc;
}

Status feed(Stream& to, const std::string& input) {
  Status st = to.write_all(input);
  to.close();
  if (!st && st.error().kind == ErrorKind::closed) return {};  // it did not want to read all of it
  return st;
}

Status collect(Stream& from, std::size_t max, ProcessResult& result) {
  std::array<char, 4096> block;
  for (;;) {
    REMEX_TRY(const std::size_t n, from.read_some(block));
    if (n == 0) return {};
    const std::size_t fits = std::min(n, max - result.output.size());
    result.output.append(block.data(), fits);
    result.truncated = result.truncated || fits < n;
  }
}

/// Inside, waits of this fiber end neither by deadline nor by cancellation.
class FirmScope {
 public:
  FirmScope()
      : fiber_(this_fiber()),
        deadline_(std::exchange(fiber_->deadline, Instant::max())),
        cancelled_(std::exchange(fiber_->cancelled, false)) {}
  ~FirmScope() {
    fiber_->deadline = deadline_;
    fiber_->cancelled = fiber_->cancelled || cancelled_;
  }
  FirmScope(const FirmScope&) = delete;
  FirmScope& operator=(const FirmScope&) = delete;

 private:
  Fiber* fiber_;
  Instant deadline_;
  bool cancelled_;
};

/// Waits for the end; a wait that fails kills the group first.
Status await_end(Child& child) {
  Status st = child.ended.wait();
  if (st) return {};
  ::kill(-child.handle.pid, SIGKILL);
  ::kill(child.handle.pid, SIGKILL);  // it may not have reached setsid
  // SIGKILL ends it for certain, and libuv must see that before the handle may go: not even a cancelled fiber leaves
  // earlier.
  while (!child.ended.is_set()) {
    const FirmScope firm;
    (void)child.ended.wait();
  }
  return st;
}

void release(std::unique_ptr<Child> child) {
  auto* h = reinterpret_cast<uv_handle_t*>(&child->handle);
  (void)child.release();  // the close callback deletes it
  uv_close(h, [](uv_handle_t* handle) { delete static_cast<Child*>(handle->data); });
}

Result<ProcessResult> run_on_loop(const ProcessSpec& spec) {
  Pipe in;
  Pipe out;
  int null_fd = -1;
  auto close_all = [&] {
    for (int* fd : {&in.mine, &in.theirs, &out.mine, &out.theirs, &null_fd}) close_fd(*fd);
  };
  Status opened = open_pipe(in, true);
  if (opened) opened = open_pipe(out, false);
  if (opened && !spec.merge_stderr && (null_fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC)) < 0)
    opened = fail_errno(errno, "/dev/null");
  if (!opened) {
    close_all();
    return std::unexpected(std::move(opened).error());
  }
  auto child = std::make_unique<Child>();
  const int rc = spawn(*child, spec, in.theirs, out.theirs, spec.merge_stderr ? out.theirs : null_fd);
  if (rc != 0) {
    close_all();
    release(std::move(child));
    Error e = fail_errno(-rc, fmt::format("cannot run {}", spec.argv[0])).error();
    if (rc == UV_ENOENT || rc == UV_ENOTDIR) e.kind = ErrorKind::not_found;
    return std::unexpected(std::move(e));
  }
  close_fd(in.theirs);
  close_fd(out.theirs);
  close_fd(null_fd);
  auto to = Socket::adopt(in.mine);
  auto from = Socket::adopt(out.mine);

  ProcessResult result;
  Status ended;
  {
    Nursery pumps;
    pumps.spawn("process input", [&] { (void)feed(*to, spec.input); });
    pumps.spawn("process output", [&] { (void)collect(*from, spec.max_output, result); });
    ended = await_end(*child);
    const DeadlineScope grace(kAfterExit);
    if (ended) (void)pumps.join();
  }
  result.signal = child->signal;
  result.exit_code = child->signal != 0 ? -1 : static_cast<int>(child->exit_status);
  release(std::move(child));
  if (!ended) {
    Error e = std::move(ended).error();
    e.text = fmt::format("{} {} and was killed", spec.argv[0],
                         e.kind == ErrorKind::timed_out ? "timed out" : "was cancelled");
    return std::unexpected(std::move(e));
  }
  return result;
}

}  // namespace

std::int64_t load_average_thousandths() {
  double load[1] = {0};
  return hooks::load_average(getloadavg(load, 1) == 1 ? static_cast<std::int64_t>(load[0] * 1000) : -1);
}

std::uint64_t raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t former = limit.rlim_cur;
  if (former == limit.rlim_max) return former;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return former;
  former_descriptor_limit = former;
  return limit.rlim_cur;
}

Result<ProcessResult> run_process(const ProcessSpec& spec) {
  if (spec.argv.empty()) return fail("no program to run");
  if (in_fiber()) return run_on_loop(spec);
  if (Loop::exists()) throw std::logic_error("run_process on the loop outside a fiber");
  Result<ProcessResult> result = fail("not run");
  const Instant until = current_deadline();
  run_loop([&] {
    const DeadlineScope scope(until);
    result = run_on_loop(spec);
    return 0;
  });
  return result;
}

}  // namespace remex::io
