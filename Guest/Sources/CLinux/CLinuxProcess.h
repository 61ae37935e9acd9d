// The system calls of the run agent: mounts, processes, terminals. Results are the kernel's: a
// negative one is an error's number.
#ifndef CLINUX_PROCESS_H
#define CLINUX_PROCESS_H

#include "CLinux.h"

#if defined(__x86_64__)
enum {
  LINUX_RT_SIGPROCMASK = 14, LINUX_EXECVE = 59, LINUX_KILL = 62,
  LINUX_SENDTO = 44, LINUX_CHDIR = 80, LINUX_FCHOWN = 93, LINUX_SETSID = 112, LINUX_SETGROUPS = 116,
  LINUX_SETRESUID = 117, LINUX_SETRESGID = 119, LINUX_CHROOT = 161, LINUX_SYNC = 162,
  LINUX_MOUNT = 165, LINUX_UMOUNT2 = 166, LINUX_REBOOT = 169, LINUX_CLOCK_SETTIME = 227,
  LINUX_MKNODAT = 259, LINUX_UNLINKAT = 263,
  LINUX_FCHMODAT = 268, LINUX_SIGNALFD4 = 289,
  LINUX_DUP3 = 292, LINUX_PIPE2 = 293, LINUX_PRLIMIT64 = 302,
};
#else
enum {
  LINUX_DUP3 = 24, LINUX_MKNODAT = 33, LINUX_UNLINKAT = 35, LINUX_UMOUNT2 = 39, LINUX_MOUNT = 40, LINUX_CHDIR = 49,
  LINUX_CHROOT = 51, LINUX_FCHMODAT = 53, LINUX_FCHOWN = 55, LINUX_PIPE2 = 59, LINUX_SIGNALFD4 = 74, LINUX_SYNC = 81,
  LINUX_CLOCK_SETTIME = 112, LINUX_KILL = 129, LINUX_RT_SIGPROCMASK = 135, LINUX_REBOOT = 142, LINUX_SETRESUID = 147,
  LINUX_SETRESGID = 149, LINUX_SETSID = 157, LINUX_SETGROUPS = 159, LINUX_SENDTO = 206, LINUX_EXECVE = 221,
  LINUX_PRLIMIT64 = 261,
};
#endif

// --- Files ---------------------------------------------------------------------------------------

/// Opens a file for reading and writing; non-blocking if `is_waiting` is 0, never a controlling terminal.
static inline int linux_open_both(const char *path, int is_waiting) {
  enum { RDWR = 2, NOCTTY = 0400, NONBLOCK = 04000, CLOEXEC = 02000000 };
  long flags = RDWR | NOCTTY | CLOEXEC | (is_waiting ? 0 : NONBLOCK);
  return (int)linux_call(LINUX_OPENAT, LINUX_AT_FDCWD, (long)path, flags, 0, 0, 0);
}

/// Makes a pipe whose ends are closed on exec; `ends` gets the one to read from and the one to write to.
static inline long linux_pipe(int ends[2]) {
  enum { CLOEXEC = 02000000 };
  return linux_call(LINUX_PIPE2, (long)ends, CLOEXEC, 0, 0, 0, 0);
}

/// Sets O_NONBLOCK on a file description. fcntl(2), F_SETFL.
static inline long linux_set_nonblocking(int file) {
  enum { FIONBIO = 0x5421 };
  int on = 1;
  return linux_call(LINUX_IOCTL, file, FIONBIO, (long)&on, 0, 0, 0);
}

/// Makes `file` known as `number` as well, across exec.
static inline long linux_duplicate(int file, int number) {
  return linux_call(LINUX_DUP3, file, number, 0, 0, 0, 0);
}

static inline long linux_fchown(int file, uint32_t user, uint32_t group) {
  return linux_call(LINUX_FCHOWN, file, user, group, 0, 0, 0);
}

static inline long linux_unlink(const char *path) {
  return linux_call(LINUX_UNLINKAT, LINUX_AT_FDCWD, (long)path, 0, 0, 0, 0);
}

/// Makes a device node that only its owner, root, can open.
static inline long linux_make_node(const char *path, int is_block, uint32_t major,
                                   uint32_t minor) {
  enum { IFCHR = 0020000, IFBLK = 0060000 };
  // Linux, include/linux/kdev_t.h, new_encode_dev.
  uint32_t device = (minor & 0xff) | (major & 0xfff) << 8 | (minor & 0xfff00) << 12;
  return linux_call(LINUX_MKNODAT, LINUX_AT_FDCWD, (long)path, (is_block ? IFBLK : IFCHR) | 0600,
                    device, 0, 0);
}

static inline long linux_chmod(const char *path, uint32_t mode) {
  return linux_call(LINUX_FCHMODAT, LINUX_AT_FDCWD, (long)path, mode, 0, 0, 0);
}

static inline long linux_chdir(const char *path) {
  return linux_call(LINUX_CHDIR, (long)path, 0, 0, 0, 0, 0);
}

static inline long linux_chroot(const char *path) {
  return linux_call(LINUX_CHROOT, (long)path, 0, 0, 0, 0, 0);
}

static inline long linux_mount(const char *source, const char *target, const char *type,
                               unsigned long flags, const char *options) {
  return linux_call(LINUX_MOUNT, (long)source, (long)target, (long)type, (long)flags,
                    (long)options, 0);
}

/// Takes a mount away at once, whoever uses it. umount2(2), MNT_DETACH.
static inline long linux_unmount(const char *target) {
  enum { DETACH = 2 };
  return linux_call(LINUX_UMOUNT2, (long)target, DETACH, 0, 0, 0, 0);
}

static inline void linux_sync(void) { linux_call(LINUX_SYNC, 0, 0, 0, 0, 0, 0); }

/// struct pollfd.
struct linux_poll {
  int file;
  int16_t events, found;
};

/// Waits until one of the files is ready. - Parameter milliseconds: negative to wait for ever.
static inline long linux_poll(struct linux_poll *files, long count, int64_t milliseconds) {
  int64_t time[2] = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  return linux_call(LINUX_PPOLL, (long)files, count, milliseconds < 0 ? 0 : (long)time, 0, 0, 0);
}

// --- Processes -----------------------------------------------------------------------------------

static inline long linux_execve(const char *path, const uintptr_t *arguments,
                                const uintptr_t *variables) {
  return linux_call(LINUX_EXECVE, (long)path, (long)arguments, (long)variables, 0, 0, 0);
}

static inline long linux_setsid(void) { return linux_call(LINUX_SETSID, 0, 0, 0, 0, 0, 0); }

static inline long linux_kill(long process, int signal) {
  return linux_call(LINUX_KILL, process, signal, 0, 0, 0, 0);
}

/// Becomes a user for good. Returns the first failure.
static inline long linux_become(uint32_t user, uint32_t group, const uint32_t *groups,
                                long count) {
  long result = linux_call(LINUX_SETGROUPS, count, (long)groups, 0, 0, 0, 0);
  if (result < 0) return result;
  result = linux_call(LINUX_SETRESGID, group, group, group, 0, 0, 0);
  if (result < 0) return result;
  return linux_call(LINUX_SETRESUID, user, user, user, 0, 0, 0);
}

/// Holds back all signals (1), or none (0).
static inline long linux_block_signals(int is_blocked) {
  enum { SIG_SETMASK = 2 };
  uint64_t mask = is_blocked ? ~(uint64_t)0 : 0;
  return linux_call(LINUX_RT_SIGPROCMASK, SIG_SETMASK, (long)&mask, 0, sizeof mask, 0, 0);
}

/// A file that tells of signals, 128 bytes each. Non-blocking.
/// - Parameter mask: bit N - 1 for signal N.
static inline int linux_signal_file(uint64_t mask) {
  enum { NONBLOCK = 04000, CLOEXEC = 02000000 };
  return (int)linux_call(LINUX_SIGNALFD4, -1, (long)&mask, sizeof mask, NONBLOCK | CLOEXEC, 0, 0);
}

/// What a child, and those of its children that it waited for, took.
struct linux_usage {
  /// Microseconds.
  int64_t user, system;
  /// KiB that the largest of them had in RAM.
  int64_t memory;
};

/// A child that has ended and its wait status, without waiting; 0 where none has.
static inline long linux_reap(int *status, struct linux_usage *usage) {
  enum { WNOHANG = 1 };
  // struct rusage of 64-bit machines: two times of seconds and microseconds, then numbers, the first ru_maxrss.
  int64_t raw[18] = {0};
  long result = linux_call(LINUX_WAIT4, -1, (long)status, WNOHANG, (long)raw, 0, 0);
  usage->user = raw[0] * 1000000 + raw[1];
  usage->system = raw[2] * 1000000 + raw[3];
  usage->memory = raw[4];
  return result;
}

/// Sets a limit of this process. setrlimit(2).
static inline long linux_set_limit(int resource, uint64_t current, uint64_t maximum) {
  uint64_t limit[2] = {current, maximum};
  return linux_call(LINUX_PRLIMIT64, 0, resource, (long)limit, 0, 0, 0);
}

/// Sets the time since 1970. clock_settime(2), CLOCK_REALTIME.
static inline long linux_set_time(int64_t seconds, int64_t nanoseconds) {
  int64_t time[2] = {seconds, nanoseconds};
  return linux_call(LINUX_CLOCK_SETTIME, 0, (long)time, 0, 0, 0, 0);
}

/// Ends or restarts the machine, or says what Ctrl-Alt-Del does. reboot(2).
static inline void linux_reboot(uint32_t command) {
  linux_call(LINUX_REBOOT, (long)0xfee1dead, 672274793, (long)command, 0, 0, 0);
}

// --- Terminals -----------------------------------------------------------------------------------

/// Unlocks the terminal behind an open /dev/ptmx. Returns its number below /dev/pts.
static inline long linux_unlock_terminal(int file) {
  enum { TIOCSPTLCK = 0x40045431 };
  const unsigned long TIOCGPTN = 0x80045430;
  int value = 0;
  long result = linux_call(LINUX_IOCTL, file, TIOCSPTLCK, (long)&value, 0, 0, 0);
  if (result < 0) return result;
  result = linux_call(LINUX_IOCTL, file, (long)TIOCGPTN, (long)&value, 0, 0, 0);
  return result < 0 ? result : value;
}

static inline long linux_set_terminal_size(int file, uint16_t rows, uint16_t columns) {
  enum { TIOCSWINSZ = 0x5414 };
  uint16_t size[4] = {rows, columns, 0, 0};
  return linux_call(LINUX_IOCTL, file, TIOCSWINSZ, (long)size, 0, 0, 0);
}

/// Makes a serial port hand on all bytes as they are, at once. termios(3), cfmakeraw.
static inline long linux_make_raw(int file) {
  enum { TCSETS = 0x5402, B115200 = 0010002, CS8 = 060, CREAD = 0200, CLOCAL = 04000, VMIN = 6 };
  struct { uint32_t input, output, control, local; uint8_t line, characters[19]; } settings = {
      .control = B115200 | CS8 | CREAD | CLOCAL, .characters = {[VMIN] = 1}};
  return linux_call(LINUX_IOCTL, file, TCSETS, (long)&settings, 0, 0, 0);
}

/// Waits until all that was written to a terminal is out. tcdrain(3).
static inline void linux_drain(int file) {
  enum { TCSBRK = 0x5409 };
  linux_call(LINUX_IOCTL, file, TCSBRK, 1, 0, 0, 0);
}

/// Makes a terminal the controlling one of this session.
static inline long linux_control_terminal(int file) {
  enum { TIOCSCTTY = 0x540e };
  return linux_call(LINUX_IOCTL, file, TIOCSCTTY, 0, 0, 0, 0);
}

// --- Network -------------------------------------------------------------------------------------

struct linux_interface_request {
  char name[16];
  union {
    struct { uint16_t family, port; uint8_t address[4]; uint8_t rest[8]; } address;
    int16_t flags;
    char room[24];
  };
};

/// Gives an interface an IPv4 address, unless `address` is NULL, and brings it up.
/// - Parameter name: 15 characters at most.
static inline long linux_bring_up(const char *name, const uint8_t *address, const uint8_t *mask) {
  enum {
    AF_INET = 2, DGRAM_CLOEXEC = 2 | 02000000, SIOCGIFFLAGS = 0x8913, SIOCSIFFLAGS = 0x8914,
    SIOCSIFADDR = 0x8916, SIOCSIFNETMASK = 0x891c, IFF_UP = 1,
  };
  long file = linux_call(LINUX_SOCKET, AF_INET, DGRAM_CLOEXEC, 0, 0, 0, 0);
  if (file < 0) return file;
  long result = 0;
  const uint8_t *values[2] = {address, mask};
  const long calls[2] = {SIOCSIFADDR, SIOCSIFNETMASK};
  struct linux_interface_request request;
  for (int step = 0; step < 2 && address && result >= 0; step++) {
    request = (struct linux_interface_request){.address = {.family = AF_INET}};
    for (int i = 0; i < 15 && name[i]; i++) request.name[i] = name[i];
    for (int i = 0; i < 4; i++) request.address.address[i] = values[step][i];
    result = linux_call(LINUX_IOCTL, file, calls[step], (long)&request, 0, 0, 0);
  }
  if (result >= 0) {
    request = (struct linux_interface_request){.flags = 0};
    for (int i = 0; i < 15 && name[i]; i++) request.name[i] = name[i];
    result = linux_call(LINUX_IOCTL, file, SIOCGIFFLAGS, (long)&request, 0, 0, 0);
    request.flags |= IFF_UP;
    if (result >= 0) result = linux_call(LINUX_IOCTL, file, SIOCSIFFLAGS, (long)&request, 0, 0, 0);
  }
  linux_close((int)file);
  return result;
}

/// Adds the default route. struct rtentry of 64-bit machines.
static inline long linux_add_default_route(const uint8_t gateway[4]) {
  enum { AF_INET = 2, DGRAM_CLOEXEC = 2 | 02000000, SIOCADDRT = 0x890b, RTF_UP = 1, RTF_GATEWAY = 2 };
  struct address { uint16_t family, port; uint8_t address[4]; uint8_t rest[8]; };
  struct {
    unsigned long pad1;
    struct address destination, gateway, mask;
    uint16_t flags;
    int16_t pad2;
    unsigned long pad3;
    void *pad4;
    int16_t metric;
    char *device;
    unsigned long mtu, window;
    uint16_t irtt;
  } route = {.destination = {.family = AF_INET}, .gateway = {.family = AF_INET},
             .mask = {.family = AF_INET}, .flags = RTF_UP | RTF_GATEWAY};
  for (int i = 0; i < 4; i++) route.gateway.address[i] = gateway[i];
  long file = linux_call(LINUX_SOCKET, AF_INET, DGRAM_CLOEXEC, 0, 0, 0, 0);
  if (file < 0) return file;
  long result = linux_call(LINUX_IOCTL, file, SIOCADDRT, (long)&route, 0, 0, 0);
  linux_close((int)file);
  return result;
}

/// A UDP socket for broadcasts on one interface. Non-blocking. socket(7), ip(7).
/// - Parameter interface: its name, 15 characters at most.
static inline int linux_broadcast_socket(const char *interface, uint16_t port) {
  enum {
    AF_INET = 2, DGRAM = 2 | 04000 | 02000000, SOL_SOCKET = 1, SO_REUSEADDR = 2, SO_BROADCAST = 6,
    SO_BINDTODEVICE = 25,
  };
  int file = (int)linux_call(LINUX_SOCKET, AF_INET, DGRAM, 0, 0, 0, 0);
  if (file < 0) return file;
  int on = 1;
  char name[16] = {0};
  for (int i = 0; i < 15 && interface[i]; i++) name[i] = interface[i];
  struct { uint16_t family; uint8_t port[2], address[4], rest[8]; } address = {
      .family = AF_INET, .port = {(uint8_t)(port >> 8), (uint8_t)port}};
  linux_call(LINUX_SETSOCKOPT, file, SOL_SOCKET, SO_REUSEADDR, (long)&on, sizeof on, 0);
  linux_call(LINUX_SETSOCKOPT, file, SOL_SOCKET, SO_BROADCAST, (long)&on, sizeof on, 0);
  long result =
      linux_call(LINUX_SETSOCKOPT, file, SOL_SOCKET, SO_BINDTODEVICE, (long)name, sizeof name, 0);
  if (result >= 0)
    result = linux_call(LINUX_BIND, file, (long)&address, sizeof address, 0, 0, 0);
  if (result >= 0) return file;
  linux_close(file);
  return (int)result;
}

/// Sends a packet to everybody on the socket's interface.
static inline long linux_broadcast(int file, const void *bytes, size_t count, uint16_t port) {
  struct { uint16_t family; uint8_t port[2], address[4], rest[8]; } address = {
      .family = 2, .port = {(uint8_t)(port >> 8), (uint8_t)port}, .address = {255, 255, 255, 255}};
  return linux_call(LINUX_SENDTO, file, (long)bytes, (long)count, 0, (long)&address,
                    sizeof address);
}

#endif
