#define _GNU_SOURCE
#include "CMiniVM.h"

#include <sched.h>
#include <stdint.h>
#include <time.h>

int minivm_usable_processors(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

#if defined(__x86_64__)
static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC_RAW, &time);
  return time.tv_sec * INT64_C(1000000000) + time.tv_nsec;
}

int minivm_time_stamp_rate(void) {
  int64_t begin = nanoseconds();
  uint64_t first = __builtin_ia32_rdtsc();
  nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
  int64_t end = nanoseconds();
  uint64_t last = __builtin_ia32_rdtsc();
  return (int)((last - first) * 1000000 / (uint64_t)(end - begin));
}
#else
int minivm_time_stamp_rate(void) { return 1000000; }
#endif
