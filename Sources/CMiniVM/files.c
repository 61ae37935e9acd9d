#define _GNU_SOURCE
#include "CMiniVM.h"

#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

int minivm_exchange(const char *first, const char *second) {
  return (int)syscall(SYS_renameat2, AT_FDCWD, first, AT_FDCWD, second, RENAME_EXCHANGE);
}

int minivm_link_descriptor(int descriptor, const char *path) {
  char link[64];
  snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
  return linkat(AT_FDCWD, link, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

int minivm_o_tmpfile(void) { return O_TMPFILE; }
int minivm_o_path(void) { return O_PATH; }

int minivm_sync_file_system(const char *path) {
  int descriptor;
  do descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  while (descriptor < 0 && errno == EINTR);
  if (descriptor < 0) return -1;
  int result = syncfs(descriptor);
  close(descriptor);
  return result;
}

long long minivm_next_data(int descriptor, long long offset) {
  return lseek(descriptor, offset, SEEK_DATA);
}

int minivm_finish_stdout(void) { return fflush(stdout) == 0 && !ferror(stdout) ? 0 : -1; }

long minivm_attribute_names(const char *path, char *names, size_t size) {
  return llistxattr(path, names, size);
}

long minivm_attribute(const char *path, const char *name, void *value, size_t size) {
  return lgetxattr(path, name, value, size);
}

int minivm_set_attribute(const char *path, const char *name, const void *value, size_t size) {
  return lsetxattr(path, name, value, size, 0);
}

unsigned long long minivm_device(unsigned major, unsigned minor) { return makedev(major, minor); }
unsigned minivm_major(unsigned long long device) { return major(device); }
unsigned minivm_minor(unsigned long long device) { return minor(device); }
