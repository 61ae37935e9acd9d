#define _GNU_SOURCE
#include "CMiniVM.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

static int signal_pipe[2] = {-1, -1};
static void (*termination_handler)(void);
static volatile sig_atomic_t exit_code;

static void on_alarm(int number) {
  (void)number;
  _exit(exit_code);
}

// Ends the program with an exit code if it has not ended after some seconds.
static void end_soon(int code) {
  exit_code = code;
  struct sigaction late = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &late, NULL);
  alarm(8);
}

static void on_signal(int number) {
  int saved = errno;
  unsigned char byte = (unsigned char)number;
  if (write(signal_pipe[1], &byte, 1) < 0) _exit(128 + number);
  if (number == SIGPIPE) {
    // The thread that wrote would see a failure, and tell of it.
    end_soon(128 + number);
    for (;;) pause();
  }
  errno = saved;
}

static void on_file_too_large(int number) { (void)number; }

static void *wait_for_signal(void *unused) {
  (void)unused;
  unsigned char number = 0;
  while (read(signal_pipe[0], &number, 1) != 1) {
    if (errno != EINTR) return NULL;
  }
  termination_handler();
  signal(number, SIG_DFL);
  kill(getpid(), number);
  _exit(128 + number);
}

int minivm_on_termination(void (*handler)(void)) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
  pthread_t thread;
  termination_handler = handler;
  if (pipe2(signal_pipe, O_CLOEXEC) != 0) return -1;
  if (pthread_create(&thread, NULL, wait_for_signal, NULL) != 0) {
    close(signal_pipe[0]);
    close(signal_pipe[1]);
    signal_pipe[0] = signal_pipe[1] = -1;
    return -1;
  }
  pthread_detach(thread);
  // A write past the limit on file sizes then fails like any other; children get the default back.
  struct sigaction too_large = {.sa_handler = on_file_too_large, .sa_flags = SA_RESTART};
  sigaction(SIGXFSZ, &too_large, NULL);
  for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    struct sigaction before;
    // A signal that the parent told us to ignore (nohup) stays ignored.
    if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    sigaction(numbers[i], &action, NULL);
  }
  return 0;
}
