/* What a server in a sandbox can do, tried from the inside: loaded into it by LD_PRELOAD (tests/e2e/sandbox.py).
 *
 * When a client comes and $REMEX_PROBE/wanted exists, the process that accepts it tries what it should not be able to do and writes
 * "NAME ERRNO" lines (0: it could) to the file that `wanted` names, in a place where it may write. With REMEX_PROBE_OLD_KERNEL, an
 * errno, the kernel seems to have neither seccomp nor Landlock (ENOSYS), or somebody forbids them (EPERM).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long (*real_syscall)(long, ...);
static int (*real_accept4)(int, struct sockaddr*, socklen_t*, int);

/* Loaded with the program: nothing may be looked up later, when a lock could be held. */
__attribute__((constructor)) static void begin(void) {
  real_syscall = (long (*)(long, ...))dlsym(RTLD_NEXT, "syscall");
  real_accept4 = (int (*)(int, struct sockaddr*, socklen_t*, int))dlsym(RTLD_NEXT, "accept4");
}

long syscall(long number, ...) {
  va_list ap;
  va_start(ap, number);
  long a[6];
  for (int i = 0; i < 6; ++i) a[i] = va_arg(ap, long);
  va_end(ap);
  const char* old = getenv("REMEX_PROBE_OLD_KERNEL");
  if (old != NULL && (number == SYS_seccomp || number == SYS_landlock_create_ruleset)) {
    errno = atoi(old);
    return -1;
  }
  return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static FILE* out;
static void told(const char* name, long result) {
  fprintf(out, "%s %d\n", name, result < 0 ? errno : 0);
  fflush(out);
}
#define TRY(name, ...) told(#name, real_syscall(SYS_##name, __VA_ARGS__))

static void try_file(const char* name, const char* path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  told(name, fd);
  if (fd >= 0) close(fd);
}

static void try_all(const char* outside, const char* inside) {
  char path[600];
  TRY(setuid, 0);
  TRY(setresuid, getuid(), getuid(), getuid());
  TRY(setgroups, 0, NULL);
  TRY(capset, NULL, NULL);
  TRY(ptrace, PTRACE_CONT, getppid(), 0, 0); /* of no process that it traces: ESRCH */
  TRY(process_vm_readv, getpid(), NULL, 0, NULL, 0, 0);
  TRY(unshare, CLONE_NEWUSER);
  TRY(clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);
  TRY(clone3, NULL, 0);
  TRY(mount, "none", "/mnt", "tmpfs", 0, NULL);
  TRY(chroot, "/");
  TRY(bpf, 0, NULL, 0);
  TRY(io_uring_setup, 1, NULL);
  TRY(keyctl, 0, 0, 0, 0, 0);
  TRY(perf_event_open, NULL, 0, 0, 0, 0);
  TRY(finit_module, -1, "", 0);
  TRY(kexec_load, 0, 0, NULL, 0);
  TRY(personality, 0);
  told("socket-packet", socket(AF_PACKET, SOCK_RAW, 0));
  told("socket-netfilter", socket(AF_NETLINK, SOCK_RAW, 12));
  told("socket-inet", socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  told("socket-route", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  char* argv[] = {"true", NULL};
  pid_t child = fork();
  if (child == 0) _exit(real_syscall(SYS_execve, "/bin/true", argv, argv) < 0 ? errno : 0);
  int status = 0;
  waitpid(child, &status, 0);
  errno = WEXITSTATUS(status);
  told("execve", errno != 0 ? -1 : 0);
  snprintf(path, sizeof path, "%s/new", outside);
  try_file("write-outside", path);
  snprintf(path, sizeof path, "%s/old", outside);
  told("truncate-outside", truncate(path, 0));
  told("unlink-outside", unlink(path));
  snprintf(path, sizeof path, "%s/directory", outside);
  told("mkdir-outside", mkdir(path, 0700));
  snprintf(path, sizeof path, "%s/new", inside);
  try_file("write-inside", path);
  told("unlink-inside", unlink(path));
  try_file("dev-null", "/dev/null");
  fprintf(out, "end 0\n");
  fflush(out);
}

int accept4(int fd, struct sockaddr* a, socklen_t* n, int flags) {
  int got = real_accept4(fd, a, n, flags);
  const char* where = getenv("REMEX_PROBE");
  char path[300], line[1000] = "", result[300], outside[300], inside[300];
  if (got < 0 || where == NULL) return got;
  snprintf(path, sizeof path, "%s/wanted", where);
  FILE* wanted = fopen(path, "re");
  if (wanted == NULL) return got;
  static struct timespec last; /* once for each time it is wanted, whoever comes */
  struct stat st;
  if (fstat(fileno(wanted), &st) != 0 || (st.st_mtim.tv_sec == last.tv_sec && st.st_mtim.tv_nsec == last.tv_nsec)) {
    fclose(wanted);
    return got;
  }
  last = st.st_mtim;
  if (fgets(line, sizeof line, wanted) != NULL && sscanf(line, "%299s %299s %299s", result, outside, inside) == 3) {
    out = fopen(result, "we");
    if (out != NULL) {
      try_all(outside, inside);
      fclose(out);
    }
  }
  fclose(wanted);
  return got;
}
