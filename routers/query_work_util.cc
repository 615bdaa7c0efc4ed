// The program of a queryprogram router, run by a child of the courier that has become command_user already. Blocking.
#include <fcntl.h>
#include <fmt/core.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/strings.h"
#include "routers/courier_work.h"

namespace remex::routers {
namespace {

constexpr std::size_t kMaxOutput = 4096;

std::string field(const io::Fields& f, const std::string& name) {
  const auto it = f.find(name);
  return it == f.end() ? std::string() : it->second;
}

/// In the program's process, before it begins.
[[noreturn]] void become_program(int out, const std::string& directory, char* const* argv) {
  (void)::setpgid(0, 0);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(null, 2) < 0) ::_exit(126);
  if (::chdir(directory.c_str()) != 0) ::_exit(126);
  const char* environment[] = {"PATH=/bin:/usr/bin", nullptr};
  ::execve(argv[0], argv, const_cast<char* const*>(environment));
  ::_exit(127);
}

/// Reads until the end or the deadline. False: the deadline passed.
bool read_until(int fd, Instant deadline, std::string& out) {
  for (;;) {
    const auto left = std::chrono::duration_cast<Millis>(deadline - monotonic_now()).count();
    if (left <= 0) return false;
    pollfd p{fd, POLLIN, 0};
    const int rc = ::poll(&p, 1, static_cast<int>(std::min<std::int64_t>(left, 60'000)));
    if (rc < 0 && errno != EINTR) return true;
    if (rc <= 0) continue;
    char buf[4096];
    const ssize_t n = ::read(fd, buf, sizeof buf);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return true;
    if (out.size() < kMaxOutput) out.append(buf, std::min(static_cast<std::size_t>(n), kMaxOutput - out.size()));
  }
}

}  // namespace

io::Fields run_query(const io::Fields& f) {
  std::vector<std::string> words;
  const auto count = parse_uint(field(f, "argc")).value_or(0);
  for (std::uint64_t i = 0; i < count && i < 1000; ++i) words.push_back(field(f, "arg" + std::to_string(i)));
  if (words.empty() || !words[0].starts_with('/')) return {{"error", "the command is not an absolute path"}};
  std::vector<char*> argv;
  for (std::string& w : words) argv.push_back(w.data());
  argv.push_back(nullptr);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {{"error", fmt::format("pipe: {}", std::strerror(errno))}};
  const std::string directory = field(f, "directory");
  const pid_t child = ::fork();
  if (child == 0) become_program(ends[1], directory, argv.data());
  const int err = errno;
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return {{"error", fmt::format("fork: {}", std::strerror(err))}};
  }
  std::string output;
  const auto limit = parse_int(field(f, "limit")).value_or(60);
  const bool done = read_until(ends[0], monotonic_now() + Seconds(limit), output);
  ::close(ends[0]);
  if (!done) (void)::kill(-child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  if (!done) return {{"timeout", "1"}};
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
    return {{"error", fmt::format("{} could not be run", printable(words[0]))}};
  return {{"exit", std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : -1)},
          {"signal", std::to_string(WIFSIGNALED(status) ? WTERMSIG(status) : 0)},
          {"output", std::move(output)}};
}

}  // namespace remex::routers
