#ifndef MINIVM_H
#define MINIVM_H

#include <stddef.h>
#include <stdint.h>

#include "CChild.h"

/// Swaps two paths in one step. Returns 0, or -1 with errno set. renameat2(2), RENAME_EXCHANGE.
int minivm_exchange(const char *first, const char *second);

/// Gives the file behind an O_TMPFILE descriptor its first name. Returns 0, or -1 with errno set.
int minivm_link_descriptor(int descriptor, const char *path);

/// Where in a file, from `offset` on, the next bytes are that are no hole; -1 with errno set, ENXIO where all the rest
/// is one. lseek(2), SEEK_DATA.
long long minivm_next_data(int descriptor, long long offset);

/// Extended attributes of a path that is no link to follow: llistxattr(2), lgetxattr(2).
long minivm_attribute_names(const char *path, char *names, size_t size);
long minivm_attribute(const char *path, const char *name, void *value, size_t size);

/// Sets one. Returns 0, or -1 with errno set. lsetxattr(2).
int minivm_set_attribute(const char *path, const char *name, const void *value, size_t size);

/// A device of these numbers, and the numbers of a device.
unsigned long long minivm_device(unsigned major, unsigned minor);
unsigned minivm_major(unsigned long long device);
unsigned minivm_minor(unsigned long long device);

/// The flag of open(2) that makes a file without a name.
int minivm_o_tmpfile(void);

/// The flag of open(2) for a place in the file system that is not read.
int minivm_o_path(void);

/// Brings what was written to the file system of `path` to its disk. syncfs(2).
int minivm_sync_file_system(const char *path);

/// Processors that this process may run on; 1 or more.
int minivm_usable_processors(void);

/// How fast the counter runs that QEMU's emulation shows to x86 guests as their time stamp counter, in
/// kHz: this processor's own one on x86, nanoseconds elsewhere. Takes some milliseconds.
int minivm_time_stamp_rate(void);

/// Calls `handler` on SIGINT, SIGTERM, SIGHUP and SIGPIPE, on a thread of its own, where it may take locks
/// that whoever prints does not hold.
/// The handler returns; the process then ends by the same signal. SIGXFSZ is not fatal any more.
int minivm_on_termination(void (*handler)(void));

/// The command line's words, the program's name first; NULL behind the last. Swift's `CommandLine` has none when
/// /proc/self/maps can't be opened.
const char *minivm_argument(int index);

/// The path that this program was started by; NULL when it is not known. It may be relative. getauxval(3), AT_EXECFN.
const char *minivm_program_path(void);

/// Starts `count` threads, which are there all at once and end again.
/// Returns 0, or the error number of the one that could not be started. pthread_create(3).
int minivm_try_threads(int count);

/// No limit.
#define MINIVM_NO_LIMIT 0x7fffffffffffffff

/// Files that the process may have open at a time: `ulimit -n`.
long minivm_open_file_limit(void);

/// Columns of the terminal behind a descriptor; 0 where there is none, or it does not know.
int minivm_terminal_columns(int descriptor);

/// Brings all that was printed to stdout. Returns 0, or -1 when some of it could not be written.
int minivm_finish_stdout(void);

/// What a transfer hands to its receiver, with the place of the first byte in the file: return 0 to
/// go on, anything else to stop.
typedef int (*minivm_receiver)(void *context, const uint8_t *bytes, size_t count, int64_t offset);

enum {
  MINIVM_HTTP_OK = 0,
  MINIVM_HTTP_NO_LIBRARY = 1,
  MINIVM_HTTP_FAILED = 2,
  /// The connection failed in a way that another try may not.
  MINIVM_HTTP_INTERRUPTED = 3,
  /// The server's certificate is not one to trust.
  MINIVM_HTTP_UNTRUSTED = 4,
  /// Another part of the file came than was asked for.
  MINIVM_HTTP_OTHER_PART = 5,
};

/// What of an answer is kept beside its body.
struct minivm_http_headers {
  /// The values of WWW-Authenticate, a line each; cut at its end.
  char challenge[4096];
  /// Retry-After in seconds; -1 where the answer has none, or a date.
  long retry_after;
};

/// One GET over libcurl, which is loaded on first use, so that nothing else pays for it. Proxies are
/// those that libcurl finds by itself; certificates the system's, or those that CURL_CA_BUNDLE,
/// SSL_CERT_FILE and SSL_CERT_DIR name, as for the curl program. Connections are used again.
///
/// From `offset`, in bytes; a server that can't do that sends the file from its start, and the
/// receiver is told. Bodies of answers other than 200 and 206 are not handed on. Redirects are not
/// followed: `location` gets the address of the next, or nothing. What moves fewer than 1000 bytes a
/// second for `stall_seconds` is given up. `status` gets the response's code; `message` a reason when
/// the result isn't MINIVM_HTTP_OK. `sent` has more
/// headers, a line each; `authorities` is a file of certificates to trust instead of the system's. No pointer may be null
/// but `context`, `headers`, `sent`, `authorities`, `user` and `password`.
int minivm_http_get(const char *url, const char *user_agent, const char *user, const char *password,
                    const char *sent, const char *authorities, struct minivm_http_headers *headers, int64_t offset, long stall_seconds, minivm_receiver receiver, void *context,
                    long *status, char *location, size_t location_size, char *message,
                    size_t message_size);

#endif
