#include "CMiniVM.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

// The smallest limit of a control group and of those above it. `path` is changed.
static long least_of_groups(const char *root, char *path, const char *file, long least) {
  for (;;) {
    char name[4096], text[64];
    snprintf(name, sizeof name, "%s%s/%s", root, path, file);
    FILE *stream = fopen(name, "re");
    if (stream) {
      // "max" is no number: no limit.
      if (fgets(text, sizeof text, stream) && text[0] >= '0' && text[0] <= '9') {
        long limit = strtol(text, NULL, 10);
        if (limit < least) least = limit;
      }
      fclose(stream);
    }
    char *slash = strrchr(path, '/');
    if (!slash) return least;
    *slash = 0;
  }
}

long minivm_memory_limit(void) {
  long least = MINIVM_NO_LIMIT;
  FILE *stream = fopen("/proc/self/cgroup", "re");
  if (!stream) return least;
  char line[4096];
  while (fgets(line, sizeof line, stream)) {
    line[strcspn(line, "\n")] = 0;
    // "0::PATH" in version 2, "N:memory:PATH" in version 1. cgroups(7).
    char *path = strrchr(line, ':');
    if (!path) continue;
    path += 1;
    if (strncmp(line, "0::", 3) == 0) {
      least = least_of_groups("/sys/fs/cgroup", path, "memory.max", least);
    } else if (strstr(line, ":memory:")) {
      least = least_of_groups("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes", least);
    }
  }
  fclose(stream);
  return least;
}

static long resource_limit(int resource) {
  struct rlimit limit;
  if (getrlimit(resource, &limit) != 0 || limit.rlim_cur >= (rlim_t)MINIVM_NO_LIMIT) {
    return MINIVM_NO_LIMIT;
  }
  return (long)limit.rlim_cur;
}

long minivm_address_space_limit(void) { return resource_limit(RLIMIT_AS); }

long minivm_open_file_limit(void) { return resource_limit(RLIMIT_NOFILE); }
