#define _GNU_SOURCE
#include "CChild.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

// Calls that older C libraries have no functions for. Linux, include/uapi/linux/mount.h.
enum {
  open_tree_call = 428,
  move_mount_call = 429,
  pidfd_open_call = 434,
  mount_setattr_call = 442,
  tree_clone = 1,
  tree_close_on_exec = O_CLOEXEC,
  at_recursive = 0x8000,
  at_empty_path = 0x1000,
  move_from_empty_path = 4,
  attribute_read_only = 1,
};

struct mount_attributes {
  uint64_t set, clear, propagation, user_namespace;
};

/// Attaches the share, with all that is mounted in it. What is read-only here can't be made writable by those who
/// have no other way to the file system.
static int attach_share(const struct minivm_child *child) {
  int tree = (int)syscall(open_tree_call, AT_FDCWD, child->share,
                          tree_clone | tree_close_on_exec | at_recursive);
  if (tree < 0) return -1;
  if (child->is_read_only) {
    struct mount_attributes attributes = {.set = attribute_read_only};
    if (syscall(mount_setattr_call, tree, "", at_empty_path | at_recursive, &attributes,
                sizeof attributes) != 0)
      return -1;
  }
  if (syscall(move_mount_call, tree, "", AT_FDCWD, child->view, move_from_empty_path) != 0) return -1;
  // What is mounted there goes, and an empty folder hides what is below: not all systems mount /run.
  for (const char *const *hidden = child->hidden; hidden && *hidden; hidden++) {
    umount2(*hidden, MNT_DETACH);
    if (mount("none", *hidden, "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k") != 0 &&
        errno != ENOENT && errno != ENOTDIR)
      return -1;
  }
  return 0;
}

// Only what may be called between fork and exec in a program with threads.
static void become_child(const struct minivm_child *child, pid_t parent, int report) {
  int step = MINIVM_CHILD_EXEC;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // It may have ended before that was said.
  if (getppid() != parent) _exit(125);
  setpgid(0, 0);
  if (child->share) {
    step = MINIVM_CHILD_NAMESPACE;
    if (unshare(CLONE_NEWNS) != 0) goto failed;
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) goto failed;
    step = MINIVM_CHILD_SHARE;
    if (attach_share(child) != 0) goto failed;
    step = MINIVM_CHILD_EXEC;
  }
  dup2(child->input, STDIN_FILENO);
  dup2(child->output, STDOUT_FILENO);
  dup2(child->errors, STDERR_FILENO);
  for (size_t index = 0; index < child->kept_count; index++)
    fcntl(child->kept[index], F_SETFD, 0);
  signal(SIGPIPE, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  signal(SIGHUP, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  execv(child->path, child->arguments);
failed:;
  int words[2] = {step, errno};
  if (write(report, words, sizeof words) < 0) _exit(125);
  _exit(125);
}

pid_t minivm_start_child(const struct minivm_child *child, int *step) {
  int ends[2];
  *step = MINIVM_CHILD_FORK;
  if (pipe2(ends, O_CLOEXEC) != 0) return -1;
  pid_t parent = getpid();
  pid_t process = fork();
  if (process == 0) become_child(child, parent, ends[1]);
  close(ends[1]);
  if (process > 0) {
    int words[2];
    ssize_t count;
    do count = read(ends[0], words, sizeof words);
    while (count < 0 && errno == EINTR);
    if (count == (ssize_t)sizeof words) {
      *step = words[0];
      errno = words[1];
      process = -1;
    }
  }
  int kept = errno;
  close(ends[0]);
  errno = kept;
  return process;
}

int minivm_process_file(pid_t process) {
  return (int)syscall(pidfd_open_call, process, 0);
}

int minivm_pipe(int ends[2], int is_nonblocking) {
  return pipe2(ends, O_CLOEXEC | (is_nonblocking ? O_NONBLOCK : 0));
}

// --- Signals -------------------------------------------------------------------------------------

static volatile int signal_file = -1;

static void pass_on(int number) {
  int kept = errno;
  unsigned char byte = (unsigned char)number;
  // Where nobody reads, there is nobody to be told.
  ssize_t put = write(signal_file, &byte, 1);
  (void)put;
  errno = kept;
}

void minivm_redirect_signals(int file) {
  static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH};
  signal_file = file;
  for (unsigned index = 0; index < sizeof numbers / sizeof *numbers; index++) {
    struct sigaction action = {.sa_handler = pass_on, .sa_flags = SA_RESTART};
    struct sigaction before;
    if (sigaction(numbers[index], NULL, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    sigaction(numbers[index], &action, NULL);
  }
  signal(SIGPIPE, SIG_IGN);
}

void minivm_end_by_signal(int number) {
  signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
  kill(getpid(), number);
  _exit(128 + number);
}
