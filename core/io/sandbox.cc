// See sandbox.h. The filter is written in the kernel's own terms: a list of refused calls is short enough to need no
// library, which every start of the command would have to load.
#include "core/io/sandbox.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <span>

namespace remex::io {
namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
#else
constexpr std::uint32_t kArchitecture = 0;  // no filter: numbers of calls differ, and nobody has tried it
#endif

struct Call {
  long number;
  std::string_view name;
};

#define REMEX_CALL(name) {SYS_##name, #name}
constexpr Call kExecute[] = {REMEX_CALL(execve), REMEX_CALL(execveat)};

/// Becoming somebody else, looking into other processes, changing the machine, and doors to large parts of the kernel.
constexpr Call kNever[] = {
    // identities and rights
    REMEX_CALL(setuid),
    REMEX_CALL(setgid),
    REMEX_CALL(setreuid),
    REMEX_CALL(setregid),
    REMEX_CALL(setresuid),
    REMEX_CALL(setresgid),
    REMEX_CALL(setfsuid),
    REMEX_CALL(setfsgid),
    REMEX_CALL(setgroups),
    REMEX_CALL(capset),
    // other processes
    REMEX_CALL(ptrace),
    REMEX_CALL(process_vm_readv),
    REMEX_CALL(process_vm_writev),
    REMEX_CALL(process_madvise),
    REMEX_CALL(pidfd_getfd),
    REMEX_CALL(kcmp),
    REMEX_CALL(move_pages),
    REMEX_CALL(migrate_pages),
    // namespaces and file systems
    REMEX_CALL(unshare),
    REMEX_CALL(setns),
    REMEX_CALL(mount),
    REMEX_CALL(umount2),
    REMEX_CALL(pivot_root),
    REMEX_CALL(chroot),
    REMEX_CALL(mount_setattr),
    REMEX_CALL(move_mount),
    REMEX_CALL(open_tree),
    REMEX_CALL(fsopen),
    REMEX_CALL(fsconfig),
    REMEX_CALL(fsmount),
    REMEX_CALL(fspick),
    REMEX_CALL(mknodat),
    REMEX_CALL(open_by_handle_at),
    REMEX_CALL(fanotify_init),
    REMEX_CALL(quotactl),
    REMEX_CALL(quotactl_fd),
    REMEX_CALL(swapon),
    REMEX_CALL(swapoff),
    REMEX_CALL(acct),
    REMEX_CALL(nfsservctl),
    // the kernel itself
    REMEX_CALL(init_module),
    REMEX_CALL(finit_module),
    REMEX_CALL(delete_module),
    REMEX_CALL(kexec_load),
    REMEX_CALL(kexec_file_load),
    REMEX_CALL(bpf),
    REMEX_CALL(perf_event_open),
    REMEX_CALL(userfaultfd),
    REMEX_CALL(io_uring_setup),
    REMEX_CALL(io_uring_enter),
    REMEX_CALL(io_uring_register),
    REMEX_CALL(keyctl),
    REMEX_CALL(add_key),
    REMEX_CALL(request_key),
    REMEX_CALL(syslog),
    REMEX_CALL(lookup_dcookie),
    REMEX_CALL(personality),
    REMEX_CALL(vhangup),
    REMEX_CALL(reboot),
    // the machine's name and time
    REMEX_CALL(sethostname),
    REMEX_CALL(setdomainname),
    REMEX_CALL(settimeofday),
    REMEX_CALL(clock_settime),
    REMEX_CALL(clock_adjtime),
    REMEX_CALL(adjtimex),
#if defined(__x86_64__)
    REMEX_CALL(mknod),
    REMEX_CALL(iopl),
    REMEX_CALL(ioperm),
    REMEX_CALL(modify_ldt),
    REMEX_CALL(uselib),
    REMEX_CALL(_sysctl),
#endif
};
/// Refused for some arguments only.
constexpr Call kPartly[] = {REMEX_CALL(socket), REMEX_CALL(clone), REMEX_CALL(ioctl)};
#undef REMEX_CALL

/// What clone(2) may not make: namespaces of its own. (clone3 hides its flags from a filter: the C library goes back to
/// clone when it is not there.)
constexpr std::uint32_t kNamespaces =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;

// ------------------------------------------------------------------ the filter

class Filter {
 public:
  Filter(const SandboxRules& rules, std::uint32_t refuse) : refuse_(refuse) {
    load(offsetof(seccomp_data, arch));
    unless_equal(kArchitecture, SECCOMP_RET_ERRNO | ENOSYS);
    load(offsetof(seccomp_data, nr));
#if defined(__x86_64__)
    // The x32 numbers of the same calls.
    add(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1);
    answer(SECCOMP_RET_ERRNO | ENOSYS);
#endif
    if (!rules.may_execute)
      for (const Call& c : kExecute) never(c);
    for (const Call& c : kNever) never(c);
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 0, 1);
    answer(SECCOMP_RET_ERRNO | ENOSYS);
    sockets();
    clones();
    terminals();
    answer(SECCOMP_RET_ALLOW);
  }
  sock_fprog program() { return {static_cast<unsigned short>(code_.size()), code_.data()}; }

 private:
  void add(unsigned code, std::uint32_t k, std::size_t if_true = 0, std::size_t if_false = 0) {
    code_.push_back(
        {static_cast<std::uint16_t>(code), static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false), k});
  }
  void load(std::size_t offset) { add(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset)); }
  /// The low half of an argument: what the kernel looks at of an int.
  void load_argument(std::size_t n) {
    static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
    load(offsetof(seccomp_data, args) + n * sizeof(std::uint64_t));
  }
  void answer(std::uint32_t value) { add(BPF_RET | BPF_K, value); }
  void unless_equal(std::uint32_t k, std::uint32_t value) {
    add(BPF_JMP | BPF_JEQ | BPF_K, k, 1, 0);
    answer(value);
  }
  void never(const Call& c) {
    add(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(c.number), 0, 1);
    answer(refuse_);
  }
  /// IPv4, IPv6, UNIX, and the netlink protocol that tells of interfaces and routes.
  void sockets() {
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 9);
    load_argument(0);
    add(BPF_JMP | BPF_JEQ | BPF_K, AF_UNIX, 6, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, AF_INET, 5, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 4, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, AF_NETLINK, 0, 2);
    load_argument(2);
    add(BPF_JMP | BPF_JEQ | BPF_K, NETLINK_ROUTE, 1, 0);
    answer(refuse_);
    answer(SECCOMP_RET_ALLOW);
  }
  void clones() {
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 4);
    load_argument(0);
    add(BPF_JMP | BPF_JSET | BPF_K, kNamespaces, 0, 1);
    answer(refuse_);
    answer(SECCOMP_RET_ALLOW);
  }
  /// Typing into a terminal that the program was started from.
  void terminals() {
    constexpr std::uint32_t kLinux = 0x541C;  // TIOCLINUX, whose header gets in the way of others
    add(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 4);
    load_argument(1);
    add(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0);
    add(BPF_JMP | BPF_JEQ | BPF_K, kLinux, 0, 1);
    answer(refuse_);
  }

  std::uint32_t refuse_;
  std::vector<sock_filter> code_;
};

int install(const SandboxRules& rules, std::uint32_t refuse, unsigned flags) {
  Filter filter(rules, refuse);
  const sock_fprog program = filter.program();
  return static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program));
}

Status filter_calls(const SandboxRules& rules, SandboxState& state) {
  if (kArchitecture == 0) {
    state.missing.emplace_back("system calls are not filtered on this processor");
    return {};
  }
  // (Without SPEC_ALLOW old kernels slow the whole process down; nobody else's code runs in it.)
  const int fd =
      install(rules, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW);
  if (fd >= 0) {
    state.refusals = fd;
    return {};
  }
  if (install(rules, SECCOMP_RET_ERRNO | EPERM, SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW) == 0) {
    state.missing.emplace_back("refused system calls are told to the kernel's audit log only");
    return {};
  }
  if (errno != ENOSYS && errno != EINVAL && errno != EPERM && errno != EACCES) return fail_errno(errno, "seccomp");
  state.missing.push_back(fmt::format("system calls are not filtered (seccomp: {})", strerror(errno)));
  return {};
}

// ------------------------------------------------------------------ files

// Of kernels later than the headers.
constexpr std::uint64_t kTruncate = 1ULL << 14;
constexpr std::uint64_t kScopeSignal = 1ULL << 1;
struct RulesetAttributes {
  std::uint64_t files, net, scoped;
};

constexpr std::uint64_t kInFiles = LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
constexpr std::uint64_t kNodes = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;
constexpr std::uint64_t kWriting = kInFiles | kNodes | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                                   LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                                   LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |
                                   LANDLOCK_ACCESS_FS_MAKE_SYM | LANDLOCK_ACCESS_FS_REFER;

/// What may be written, as it was given and by its real path; not set: anything. Set once, before threads exist.
std::optional<std::vector<std::string>> g_writable;

/// Without ".." and symbolic links; the path itself when that cannot be told.
std::string real_path(const std::string& path) {
  char* real = ::realpath(path.c_str(), nullptr);
  std::string out = real != nullptr ? real : path;
  ::free(real);
  return out;
}

Status allow(int ruleset, const std::string& path, std::uint64_t handled, SandboxState& state) {
  const int fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (fd < 0) {
    state.missing.push_back(fmt::format("{} cannot be written: {}", path, strerror(errno)));
    return {};
  }
  struct stat st{};
  const bool directory = ::fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = handled & (directory ? ~kNodes : kInFiles);
  rule.parent_fd = fd;
  const bool done = ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
  const int err = errno;
  ::close(fd);
  if (!done) return fail_errno(err, "landlock_add_rule " + path);
  g_writable->push_back(path.substr(0, path.find_last_not_of('/') + 1));
  if (std::string real = real_path(path); real != path) g_writable->push_back(std::move(real));
  return {};
}

Status confine_writing(const std::vector<std::string>& writable, SandboxState& state) {
  const long version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 2) {  // the first one forbids to rename from a directory into another, which maildirs need
    state.missing.push_back(fmt::format("writing is not confined (Landlock: {})",
                                        version < 0 ? strerror(errno) : "needs version 2, Linux 5.19"));
    return {};
  }
  RulesetAttributes attributes{};
  attributes.files = version >= 3 ? kWriting : kWriting & ~kTruncate;
  if (version >= 6) attributes.scoped = kScopeSignal;
  const std::size_t size = version >= 6 ? sizeof attributes : sizeof attributes.files;
  const int ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0));
  if (ruleset < 0) return fail_errno(errno, "landlock_create_ruleset");
  g_writable.emplace();
  Status st;
  for (const std::string& path : writable)
    if (st) st = allow(ruleset, path, attributes.files, state);
  if (st && ::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) st = fail_errno(errno, "landlock_restrict_self");
  ::close(ruleset);
  if (!st) g_writable.reset();
  return st;
}

}  // namespace

Result<SandboxState> enter_sandbox(const SandboxRules& rules) {
  SandboxState state;
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return fail_errno(errno, "no_new_privs");
  (void)::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  if (rules.writable) REMEX_CHECK(confine_writing(*rules.writable, state));
  REMEX_CHECK(filter_calls(rules, state));
  return state;
}

bool sandbox_lets_write(std::string_view path) {
  if (!g_writable) return true;
  for (const std::string& granted : *g_writable)
    if (path.starts_with(granted) && (path.size() == granted.size() || path[granted.size()] == '/')) return true;
  return false;
}

namespace {

std::string_view call_name(int number) {
  for (const auto& list :
       {std::span<const Call>(kNever), std::span<const Call>(kExecute), std::span<const Call>(kPartly)})
    for (const Call& c : list)
      if (c.number == number) return c.name;
  return "?";
}

}  // namespace

std::optional<Refusal> answer_refusal(int refusals) {
  seccomp_notif asked{};
  if (::ioctl(refusals, SECCOMP_IOCTL_NOTIF_RECV, &asked) != 0) return std::nullopt;
  seccomp_notif_resp answer{};
  answer.id = asked.id;
  answer.error = asked.data.nr == SYS_socket ? -EAFNOSUPPORT : -EPERM;
  if (::ioctl(refusals, SECCOMP_IOCTL_NOTIF_SEND, &answer) != 0) return std::nullopt;
  return Refusal{static_cast<pid_t>(asked.pid), call_name(asked.data.nr)};
}

}  // namespace remex::io
