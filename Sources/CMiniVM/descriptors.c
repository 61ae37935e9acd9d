#define _GNU_SOURCE
#include <fcntl.h>
#include <unistd.h>

// A program may be started with stdin, stdout or stderr closed. The next file that is opened would get its number, and
// what is meant for the user would go into it. So the numbers are taken before anything else, and stay of no use:
// reading gives nothing, and writing to stdout fails as it would.
__attribute__((constructor)) static void take_standard_descriptors(void) {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; number++) {
    if (fcntl(number, F_GETFD) < 0) open("/dev/null", number == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}
