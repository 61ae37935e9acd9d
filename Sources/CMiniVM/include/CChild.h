#ifndef MINIVM_CHILD_H
#define MINIVM_CHILD_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// A program to be started, which ends when the thread that starts it does, whatever ends that.
struct minivm_child {
  /// Absolute.
  const char *path;
  /// The name first; NULL behind the last.
  char *const *arguments;
  /// What becomes its stdin, stdout and stderr.
  int input, output, errors;
  /// More files that it has, by the same numbers.
  const int *kept;
  size_t kept_count;
  /// A folder that it sees at `view` and nobody else does; NULL for none. Takes root.
  const char *share;
  const char *view;
  /// Whether nothing below `view` can be written to, by no right.
  int is_read_only;
  /// Folders below `view` of which it sees only the mount point; NULL behind the last.
  const char *const *hidden;
};

enum {
  MINIVM_CHILD_FORK = 1,
  MINIVM_CHILD_NAMESPACE = 2,
  MINIVM_CHILD_SHARE = 3,
  MINIVM_CHILD_EXEC = 4,
};

/// Starts it, in a process group of its own. Returns its number, or -1 with errno set and `step` what
/// failed.
pid_t minivm_start_child(const struct minivm_child *child, int *step);

/// A file that is readable when the process has ended; -1 with errno set.
int minivm_process_file(pid_t process);

/// Writes the numbers of SIGINT, SIGTERM, SIGHUP, SIGQUIT and SIGWINCH to `file` as bytes from now on,
/// in the place of what they do otherwise, and ignores SIGPIPE. Those that the parent told us to ignore
/// stay ignored.
void minivm_redirect_signals(int file);

/// Makes a pipe whose ends are closed on exec: the one to read from, the one to write to. Returns 0, or -1
/// with errno set.
int minivm_pipe(int ends[2], int is_nonblocking);

/// Makes of the calling process what a signal's own doing is: ends it by that signal.
void minivm_end_by_signal(int number) __attribute__((noreturn));

#endif
