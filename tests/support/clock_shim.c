/* A wall clock that a test moves: loaded below both programs of a comparison through /etc/ld.so.preload of a private mount namespace, so
 * that set-uid programs and what they start see the same time. CLOCK_FILE (from the compiler's command line) holds one long: seconds to
 * add. The monotonic clock is left alone, so time-outs keep their length. The load average is what /proc/loadavg says, also where the C
 * library asks the kernel another way: a test can put a file in its place. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long* ahead;

__attribute__((constructor)) static void begin(void) {
  int fd = open(CLOCK_FILE, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  void* p = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
  if (p != MAP_FAILED) ahead = p;
  close(fd);
}

static long seconds(void) { return ahead != NULL ? *ahead : 0; }

int clock_gettime(clockid_t id, struct timespec* t) {
  static int (*real)(clockid_t, struct timespec*);
  if (real == NULL) real = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
  int rc = real(id, t);
  if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec += seconds();
  return rc;
}

int gettimeofday(struct timeval* restrict t, void* restrict zone) {
  struct timespec now;
  (void)zone;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return -1;
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}

time_t time(time_t* out) {
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
  if (out != NULL) *out = now.tv_sec;
  return now.tv_sec;
}

int getloadavg(double* out, int wanted) {
  FILE* f = fopen("/proc/loadavg", "re");
  if (f == NULL) return -1;
  int n = 0;
  while (n < wanted && n < 3 && fscanf(f, "%lf", &out[n]) == 1) ++n;
  fclose(f);
  return n > 0 ? n : -1;
}
