/* What goes wrong below a server, on demand: loaded into it by LD_PRELOAD (see fault_shim.py), steered through a shared file.
 *
 * Calls on files below `prefix` are counted by class; the n-th one fails with the given error, is done in part only, or
 * is the moment at which the power goes: the call waits until the
 * tester has shut the file system down (or done something else). CLOCK_REALTIME
 * can be moved. Calls on sockets and on other files are left alone. Memory is refused to one process only, `pid`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { WRITE = 1, SYNC = 2, OPEN = 4, NAME = 8, READ = 16, ACCEPT = 32, SIZE = 64, MEMORY = 128, LOCK = 256 };
enum { ONCE = 0, FROM_NOW_ON = 1, SHORT = 2, CUT = 3 };
enum { ASKED = 1, DONE = 2 }; /* of `cut` */
struct control {
  int armed, classes, at, error, mode, count, hits, cut;
  long clock;
  int pid;
  char prefix[236];
};
static struct control* c;
static int lies; /* REMEX_FAULTS_LIE: syncs do nothing; to see that a test would notice */

__attribute__((constructor)) static void begin(void) {
  const char* path = getenv("REMEX_FAULTS");
  if (path == NULL) return;
  lies = getenv("REMEX_FAULTS_LIE") != NULL;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) return;
  void* p = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  if (p != MAP_FAILED) c = p;
}

#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static int below(const char* path) { return path != NULL && strncmp(path, c->prefix, strlen(c->prefix)) == 0; }
static int below_fd(int fd) {
  char name[40], path[300];
  snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
  ssize_t n = readlink(name, path, sizeof path - 1);
  if (n <= 0) return 0;
  path[n] = 0;
  return below(path);
}

/* Goes wrong now? -1: fails, errno set. 1: in part only. 0: as usual. */
static int trip(int klass, int fd, const char* path) {
  int saved = errno;
  if (c == NULL || !__atomic_load_n(&c->armed, __ATOMIC_ACQUIRE) || !(c->classes & klass)) return 0;
  if (klass == MEMORY && c->pid != getpid()) return 0;
  if (klass != ACCEPT && klass != MEMORY && !(path != NULL && path[0] == '/' ? below(path) : below_fd(fd))) {
    errno = saved;
    return 0;
  }
  errno = saved;
  int n = __atomic_add_fetch(&c->count, 1, __ATOMIC_ACQ_REL);
  if (c->at <= 0 || (c->mode == FROM_NOW_ON ? n < c->at : n != c->at)) return 0;
  __atomic_add_fetch(&c->hits, 1, __ATOMIC_ACQ_REL);
  if (c->mode == CUT) { /* the tester has the right to do it, this process may not: it waits */
    __atomic_store_n(&c->cut, ASKED, __ATOMIC_RELEASE);
    for (int i = 0; i < 100000 && __atomic_load_n(&c->cut, __ATOMIC_ACQUIRE) == ASKED; ++i) usleep(100);
    errno = saved;
    return 0;
  }
  if (c->mode == SHORT) return 1;
  errno = c->error;
  return -1;
}

ssize_t write(int fd, const void* b, size_t n) {
  REAL(write);
  int t = trip(WRITE, fd, NULL);
  return t < 0 ? -1 : real(fd, b, t > 0 && n > 1 ? n / 2 : n);
}
ssize_t pwrite64(int fd, const void* b, size_t n, off64_t at) {
  REAL(pwrite64);
  int t = trip(WRITE, fd, NULL);
  return t < 0 ? -1 : real(fd, b, t > 0 && n > 1 ? n / 2 : n, at);
}
ssize_t pwrite(int fd, const void* b, size_t n, off_t at) { return pwrite64(fd, b, n, at); }
ssize_t writev(int fd, const struct iovec* v, int n) {
  REAL(writev);
  int t = trip(WRITE, fd, NULL);
  return t < 0 ? -1 : real(fd, v, t > 0 && n > 1 ? n - 1 : n);
}
ssize_t read(int fd, void* b, size_t n) {
  REAL(read);
  int t = trip(READ, fd, NULL);
  return t < 0 ? -1 : real(fd, b, t > 0 && n > 1 ? n / 2 : n);
}
ssize_t pread64(int fd, void* b, size_t n, off64_t at) {
  REAL(pread64);
  int t = trip(READ, fd, NULL);
  return t < 0 ? -1 : real(fd, b, t > 0 && n > 1 ? n / 2 : n, at);
}
ssize_t pread(int fd, void* b, size_t n, off_t at) { return pread64(fd, b, n, at); }
int fsync(int fd) {
  REAL(fsync);
  return trip(SYNC, fd, NULL) < 0 ? -1 : lies ? 0 : real(fd);
}
int fdatasync(int fd) {
  REAL(fdatasync);
  return trip(SYNC, fd, NULL) < 0 ? -1 : lies ? 0 : real(fd);
}
int syncfs(int fd) {
  REAL(syncfs);
  return trip(SYNC, fd, NULL) < 0 ? -1 : lies ? 0 : real(fd);
}
int ftruncate64(int fd, off64_t n) {
  REAL(ftruncate64);
  return trip(SIZE, fd, NULL) < 0 ? -1 : real(fd, n);
}
int ftruncate(int fd, off_t n) { return ftruncate64(fd, n); }
int fallocate64(int fd, int mode, off64_t at, off64_t n) {
  REAL(fallocate64);
  return trip(SIZE, fd, NULL) < 0 ? -1 : real(fd, mode, at, n);
}
int fallocate(int fd, int mode, off_t at, off_t n) { return fallocate64(fd, mode, at, n); }
int posix_fallocate64(int fd, off64_t at, off64_t n) {
  REAL(posix_fallocate64);
  return trip(SIZE, fd, NULL) < 0 ? errno : real(fd, at, n);
}
int posix_fallocate(int fd, off_t at, off_t n) { return posix_fallocate64(fd, at, n); }
int openat64(int dir, const char* path, int flags, ...) {
  REAL(openat64);
  va_list a;
  va_start(a, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(a, mode_t) : 0;
  va_end(a);
  return trip(OPEN, dir, path) < 0 ? -1 : real(dir, path, flags, mode);
}
int openat(int dir, const char* path, int flags, ...) {
  va_list a;
  va_start(a, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(a, mode_t) : 0;
  va_end(a);
  return openat64(dir, path, flags, mode);
}
int open64(const char* path, int flags, ...) {
  REAL(open64);
  va_list a;
  va_start(a, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(a, mode_t) : 0;
  va_end(a);
  return c != NULL && trip(OPEN, -1, path) < 0 ? -1 : real(path, flags, mode);
}
int open(const char* path, int flags, ...) {
  va_list a;
  va_start(a, flags);
  mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(a, mode_t) : 0;
  va_end(a);
  return open64(path, flags, mode);
}
int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) {
  REAL(linkat);
  return trip(NAME, to_dir, to) < 0 ? -1 : real(from_dir, from, to_dir, to, flags);
}
int renameat(int from_dir, const char* from, int to_dir, const char* to) {
  REAL(renameat);
  return trip(NAME, to_dir, to) < 0 ? -1 : real(from_dir, from, to_dir, to);
}
int rename(const char* from, const char* to) {
  REAL(rename);
  return trip(NAME, -1, to) < 0 ? -1 : real(from, to);
}
int unlink(const char* path) {
  REAL(unlink);
  return trip(NAME, -1, path) < 0 ? -1 : real(path);
}
int unlinkat(int dir, const char* path, int flags) {
  REAL(unlinkat);
  return trip(NAME, dir, path) < 0 ? -1 : real(dir, path, flags);
}
int mkdirat(int dir, const char* path, mode_t mode) {
  REAL(mkdirat);
  return trip(NAME, dir, path) < 0 ? -1 : real(dir, path, mode);
}
int fcntl64(int fd, int command, ...) {
  REAL(fcntl64);
  va_list a;
  va_start(a, command);
  void* argument = va_arg(a, void*);
  va_end(a);
  int lock = command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK || command == F_OFD_SETLKW;
  return lock && trip(LOCK, fd, NULL) < 0 ? -1 : real(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
  va_list a;
  va_start(a, command);
  void* argument = va_arg(a, void*);
  va_end(a);
  return fcntl64(fd, command, argument);
}
int accept4(int fd, struct sockaddr* a, socklen_t* n, int flags) {
  REAL(accept4);
  return trip(ACCEPT, fd, NULL) < 0 ? -1 : real(fd, a, n, flags);
}
extern void* __libc_malloc(size_t);
extern void* __libc_calloc(size_t, size_t);
extern void* __libc_realloc(void*, size_t);
void* malloc(size_t n) { return trip(MEMORY, -1, NULL) < 0 ? NULL : __libc_malloc(n); }
void* calloc(size_t n, size_t size) { return trip(MEMORY, -1, NULL) < 0 ? NULL : __libc_calloc(n, size); }
void* realloc(void* p, size_t n) { return trip(MEMORY, -1, NULL) < 0 ? NULL : __libc_realloc(p, n); }
void* mmap64(void* at, size_t n, int prot, int flags, int fd, off64_t offset) {
  REAL(mmap64);
  return trip(MEMORY, -1, NULL) < 0 ? MAP_FAILED : real(at, n, prot, flags, fd, offset);
}
void* mmap(void* at, size_t n, int prot, int flags, int fd, off_t offset) { return mmap64(at, n, prot, flags, fd, offset); }
int clock_gettime(clockid_t id, struct timespec* t) {
  REAL(clock_gettime);
  int rc = real(id, t);
  if (rc == 0 && c != NULL && id == CLOCK_REALTIME) t->tv_sec += __atomic_load_n(&c->clock, __ATOMIC_ACQUIRE);
  return rc;
}
time_t time(time_t* out) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  if (out != NULL) *out = t.tv_sec;
  return t.tv_sec;
}
