// The sandbox, tried in a child of the test: what it refuses, what it leaves, and that refusals are told to the parent.
// The same inside a real worker: tests/e2e/sandbox.py.
#include "core/io/sandbox.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <optional>
#include <string>
#include <vector>

using namespace remex;

namespace {

/// A fresh directory with two below it.
struct Place {
  std::string root = [] {
    char name[] = "/tmp/sandbox-XXXXXX";
    return std::string(::mkdtemp(name));
  }();
  std::string inside = root + "/inside", outside = root + "/outside";
  Place() {
    ::mkdir(inside.c_str(), 0700);
    ::mkdir(outside.c_str(), 0700);
    for (const auto& d : {inside, outside}) ::close(::open((d + "/old").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  }
  ~Place() { (void)!::system(("rm -r " + root).c_str()); }
};

/// A kernel that cannot tell of refusals, or not confine writing, is not what is tested here.
bool kernel_can() {
  const bool tells =
      ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, static_cast<void*>(nullptr)) == 0 || errno == EFAULT;
  const bool confines = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 2;
  if (!tells || !confines) BOOST_TEST_MESSAGE("skipped: an old kernel");
  return tells && confines;
}

/// Runs `in` in a child and answers its refusals. The names of the calls; the child's exit status is in `status`.
/// Nothing where this process may not take the descriptor out of its child (some containers): skipped.
std::optional<std::vector<std::string>> try_in_child(const io::SandboxRules& rules, const std::function<int()>& in,
                                                     int& status) {
  int pass[2];
  BOOST_REQUIRE(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pass) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    auto state = io::enter_sandbox(rules);
    if (!state) ::_exit(120);
    if (state->refusals < 0) ::_exit(121);
    // The parent takes it out of this process: no message is needed for that here.
    (void)!::write(pass[1], &state->refusals, sizeof state->refusals);
    ::_exit(in());
  }
  int theirs = -1, refusals = -1;
  (void)!::read(pass[0], &theirs, sizeof theirs);
  const int process = static_cast<int>(::syscall(SYS_pidfd_open, child, 0));
  if (process >= 0) refusals = static_cast<int>(::syscall(SYS_pidfd_getfd, process, theirs, 0));
  if (refusals < 0) {
    BOOST_TEST_MESSAGE("skipped: pidfd_getfd is not permitted");
    ::kill(child, SIGKILL);
    (void)::waitpid(child, &status, 0);
    for (const int fd : {pass[0], pass[1], process}) ::close(fd);
    return std::nullopt;
  }
  std::vector<std::string> seen;
  for (;;) {
    pollfd fds[2] = {{refusals, POLLIN, 0}, {process, POLLIN, 0}};
    (void)::poll(fds, 2, 20'000);
    if ((fds[0].revents & POLLIN) != 0) {
      if (auto r = io::answer_refusal(refusals); r && r->process == child) seen.emplace_back(r->call);
    } else {
      break;
    }
  }
  BOOST_TEST(::waitpid(child, &status, 0) == child);
  for (const int fd : {pass[0], pass[1], process, refusals}) ::close(fd);
  return seen;
}

#define CHECK_IN_CHILD(what) \
  if (!(what)) return __LINE__ % 100 + 1

}  // namespace

BOOST_AUTO_TEST_SUITE(sandbox)

BOOST_AUTO_TEST_CASE(calls_are_refused_and_told) {
  if (!kernel_can()) return;
  int status = 0;
  const auto seen = try_in_child(
      {.may_execute = false, .writable = std::nullopt},
      [] {
        CHECK_IN_CHILD(::setuid(0) == -1 && errno == EPERM);
        CHECK_IN_CHILD(::mount("none", "/", "tmpfs", 0, nullptr) == -1 && errno == EPERM);
        CHECK_IN_CHILD(::socket(AF_PACKET, SOCK_RAW, 0) == -1 && errno == EAFNOSUPPORT);
        CHECK_IN_CHILD(::socket(AF_INET, SOCK_STREAM, 0) >= 0);
        char* const argv[] = {const_cast<char*>("true"), nullptr};
        CHECK_IN_CHILD(::execv("/bin/true", argv) == -1 && errno == EPERM);
        return 0;
      },
      status);
  if (!seen) return;
  BOOST_TEST(status == 0, "line " << (WEXITSTATUS(status) - 1) << " (mod 100)");
  const std::vector<std::string> want{"setuid", "mount", "socket", "execve"};
  BOOST_TEST(*seen == want, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(programs_run_where_they_may_and_keep_the_sandbox) {
  if (!kernel_can()) return;
  int status = 0;
  const auto seen = try_in_child(
      {.may_execute = true, .writable = std::nullopt},
      [] {
        // A child of its own: its refusals are not counted here.
        return ::system("test $(grep -c 'NoNewPrivs:.1' /proc/self/status) = 1") == 0 ? 0 : 1;
      },
      status);
  if (!seen) return;
  BOOST_TEST(status == 0);
  BOOST_TEST(seen->empty());
}

BOOST_AUTO_TEST_CASE(writing_is_confined) {
  if (!kernel_can()) return;
  const Place p;
  int status = 0;
  const auto seen = try_in_child(
      {.may_execute = false, .writable = std::vector<std::string>{p.inside + "/", p.root + "/nowhere"}},
      [&] {
        const auto path = [](const std::string& d, const char* n) { return d + "/" + n; };
        CHECK_IN_CHILD(io::sandbox_lets_write(p.inside) && io::sandbox_lets_write(p.inside + "/x"));
        CHECK_IN_CHILD(!io::sandbox_lets_write(p.outside) && !io::sandbox_lets_write(p.inside + "x"));
        CHECK_IN_CHILD(!io::sandbox_lets_write(p.root + "/nowhere"));
        CHECK_IN_CHILD(::open(path(p.inside, "new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600) >= 0);
        CHECK_IN_CHILD(::open(path(p.outside, "new").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600) < 0);
        CHECK_IN_CHILD(errno == EACCES);
        CHECK_IN_CHILD(::open(path(p.outside, "old").c_str(), O_WRONLY | O_CLOEXEC) < 0 && errno == EACCES);
        CHECK_IN_CHILD(::open(path(p.outside, "old").c_str(), O_RDONLY | O_CLOEXEC) >= 0);  // reading is not confined
        CHECK_IN_CHILD(::unlink(path(p.outside, "old").c_str()) < 0);
        CHECK_IN_CHILD(::rename(path(p.inside, "old").c_str(), path(p.outside, "moved").c_str()) < 0);
        // Within the tree everything goes, from one directory into another, too: maildirs do that.
        CHECK_IN_CHILD(::mkdir(path(p.inside, "sub").c_str(), 0700) == 0);
        CHECK_IN_CHILD(::rename(path(p.inside, "new").c_str(), path(p.inside, "sub/new").c_str()) == 0);
        const int nameless = ::open(p.inside.c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
        CHECK_IN_CHILD(nameless >= 0);
        const std::string self = "/proc/self/fd/" + std::to_string(nameless);
        CHECK_IN_CHILD(
            ::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path(p.inside, "sub/named").c_str(), AT_SYMLINK_FOLLOW) == 0);
        return 0;
      },
      status);
  if (!seen) return;
  BOOST_TEST(status == 0, "line " << (WEXITSTATUS(status) - 1) << " (mod 100)");
}

BOOST_AUTO_TEST_CASE(outside_a_sandbox_everything_may_be_written) { BOOST_TEST(io::sandbox_lets_write("/etc/passwd")); }

BOOST_AUTO_TEST_SUITE_END()
