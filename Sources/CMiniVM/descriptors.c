#define _GNU_SOURCE
#include "CMiniVM.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <unistd.h>

// A program may be started with stdin, stdout or stderr closed. The next file that is opened would get its number, and
// what is meant for the user would go into it. So the numbers are taken before anything else, and stay of no use:
// reading gives nothing, and writing to stdout fails as it would.
__attribute__((constructor)) static void take_standard_descriptors(void) {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
    if (fcntl(number, F_GETFD) < 0) open("/dev/null", number == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

long minivm_open_file_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= (rlim_t)MINIVM_NO_LIMIT) return MINIVM_NO_LIMIT;
  return (long)limit.rlim_cur;
}

int minivm_terminal_columns(int descriptor) {
  struct winsize size;
  return ioctl(descriptor, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}
