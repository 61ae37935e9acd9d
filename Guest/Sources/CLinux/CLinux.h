// Linux as a program without a C library sees it: its system calls, and the few structures that go
// with them. Results are the kernel's: a negative one is an error's number.
//
// A library is not needed for the thirty calls that coldplug makes, and without one the toolchain
// alone builds it, for any architecture, on any machine.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
// Linux, arch/x86/entry/syscalls/syscall_64.tbl.
enum {
  LINUX_READ = 0, LINUX_WRITE = 1, LINUX_CLOSE = 3, LINUX_MMAP = 9, LINUX_MUNMAP = 11,
  LINUX_IOCTL = 16, LINUX_PREAD = 17, LINUX_SOCKET = 41, LINUX_RECVFROM = 45, LINUX_BIND = 49,
  LINUX_SETSOCKOPT = 54, LINUX_CLONE = 56, LINUX_WAIT4 = 61, LINUX_IOPERM = 173,
  LINUX_SCHED_GETAFFINITY = 204,
  LINUX_GETDENTS64 = 217, LINUX_CLOCK_GETTIME = 228, LINUX_EXIT_GROUP = 231, LINUX_OPENAT = 257,
  LINUX_MKDIRAT = 258, LINUX_SYMLINKAT = 266, LINUX_READLINKAT = 267, LINUX_PPOLL = 271,
  LINUX_FINIT_MODULE = 313, LINUX_STATX = 332,
};
#elif defined(__aarch64__) || defined(__riscv)
// Linux, include/uapi/asm-generic/unistd.h.
enum {
  LINUX_IOCTL = 29, LINUX_MKDIRAT = 34, LINUX_SYMLINKAT = 36, LINUX_OPENAT = 56, LINUX_CLOSE = 57,
  LINUX_GETDENTS64 = 61, LINUX_READ = 63, LINUX_WRITE = 64, LINUX_PREAD = 67, LINUX_PPOLL = 73,
  LINUX_READLINKAT = 78, LINUX_EXIT_GROUP = 94, LINUX_CLOCK_GETTIME = 113,
  LINUX_SCHED_GETAFFINITY = 123, LINUX_SOCKET = 198, LINUX_BIND = 200, LINUX_RECVFROM = 207,
  LINUX_SETSOCKOPT = 208, LINUX_MUNMAP = 215, LINUX_CLONE = 220, LINUX_MMAP = 222,
  LINUX_WAIT4 = 260, LINUX_FINIT_MODULE = 273, LINUX_STATX = 291,
};
#else
#error "coldplug knows the system calls of x86_64, aarch64 and riscv64"
#endif

static inline long linux_call(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
#else
  register long a7 __asm__("a7") = number;
  register long a0 __asm__("a0") = a;
  register long a1 __asm__("a1") = b;
  register long a2 __asm__("a2") = c;
  register long a3 __asm__("a3") = d;
  register long a4 __asm__("a4") = e;
  register long a5 __asm__("a5") = f;
  __asm__ volatile("ecall"
                   : "+r"(a0)
                   : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4), "r"(a5)
                   : "memory");
  return a0;
#endif
}

enum { LINUX_AT_FDCWD = -100 };

// --- Files ---------------------------------------------------------------------------------------

/// For reading, unless `create` is not 0: then for writing, made anew.
static inline int linux_open(const char *path, int create) {
  enum { WRONLY = 1, CREAT = 0100, TRUNC = 01000, CLOEXEC = 02000000 };
  long flags = CLOEXEC | (create ? WRONLY | CREAT | TRUNC : 0);
  return (int)linux_call(LINUX_OPENAT, LINUX_AT_FDCWD, (long)path, flags, 0644, 0, 0);
}

static inline void linux_close(int file) { linux_call(LINUX_CLOSE, file, 0, 0, 0, 0, 0); }

static inline long linux_read(int file, void *bytes, size_t count) {
  return linux_call(LINUX_READ, file, (long)bytes, (long)count, 0, 0, 0);
}

static inline long linux_pread(int file, void *bytes, size_t count, int64_t offset) {
  return linux_call(LINUX_PREAD, file, (long)bytes, (long)count, offset, 0, 0);
}

static inline long linux_write(int file, const void *bytes, size_t count) {
  return linux_call(LINUX_WRITE, file, (long)bytes, (long)count, 0, 0, 0);
}

/// Entries of a folder as struct linux_dirent64: u64 inode, i64 offset, u16 length of the entry, u8
/// type, name and NUL.
static inline long linux_getdents(int file, void *bytes, size_t count) {
  return linux_call(LINUX_GETDENTS64, file, (long)bytes, (long)count, 0, 0, 0);
}

static inline long linux_mkdir(const char *path) {
  return linux_call(LINUX_MKDIRAT, LINUX_AT_FDCWD, (long)path, 0755, 0, 0, 0);
}

static inline long linux_symlink(const char *target, const char *path) {
  return linux_call(LINUX_SYMLINKAT, (long)target, LINUX_AT_FDCWD, (long)path, 0, 0, 0);
}

static inline long linux_readlink(const char *path, void *bytes, size_t count) {
  return linux_call(LINUX_READLINKAT, LINUX_AT_FDCWD, (long)path, (long)bytes, (long)count, 0, 0);
}

struct linux_status {
  uint16_t mode;
  uint64_t size;
  /// Of a device node.
  uint32_t device_major, device_minor;
};

/// Of what a link leads to. statx(2): the only one whose structure is the same everywhere.
static inline long linux_status(const char *path, struct linux_status *status) {
  // struct statx: stx_mode at byte 28, stx_size at 40, stx_rdev_major and _minor at 128.
  uint64_t raw[32];
  long result = linux_call(LINUX_STATX, LINUX_AT_FDCWD, (long)path, 0, 0x7ff, (long)raw, 0);
  if (result < 0) return result;
  status->mode = *(uint16_t *)((char *)raw + 28);
  status->size = raw[5];
  status->device_major = (uint32_t)raw[16];
  status->device_minor = (uint32_t)(raw[16] >> 32);
  return 0;
}

/// A file, or a device's registers, as read-only memory; a negative number is an error.
static inline long linux_map(int file, size_t count) {
  enum { PROT_READ = 1, MAP_SHARED = 1 };
  return linux_call(LINUX_MMAP, 0, (long)count, PROT_READ, MAP_SHARED, file, 0);
}

/// A little-endian register, read once and with one access of its width.
static inline uint32_t linux_register(const void *address) {
  return *(const volatile uint32_t *)address;
}

// --- Devices -------------------------------------------------------------------------------------

/// The socket on which the kernel tells of devices. Non-blocking.
static inline int linux_uevent_socket(void) {
  enum {
    AF_NETLINK = 16, NETLINK_KOBJECT_UEVENT = 15, SOL_SOCKET = 1, SO_RCVBUFFORCE = 33,
    DGRAM_NONBLOCK_CLOEXEC = 2 | 04000 | 02000000,
  };
  struct { uint16_t family, padding; uint32_t process, groups; } address = {AF_NETLINK, 0, 0, 1};
  int file = (int)linux_call(LINUX_SOCKET, AF_NETLINK, DGRAM_NONBLOCK_CLOEXEC,
                             NETLINK_KOBJECT_UEVENT, 0, 0, 0);
  if (file < 0) return file;
  // Where this is not allowed, the usual size has to do.
  int size = 4 << 20;
  linux_call(LINUX_SETSOCKOPT, file, SOL_SOCKET, SO_RCVBUFFORCE, (long)&size, sizeof size, 0);
  int result = (int)linux_call(LINUX_BIND, file, (long)&address, sizeof address, 0, 0, 0);
  if (result < 0) {
    linux_close(file);
    return result;
  }
  return file;
}

/// One message of the kernel itself; 0 for one of somebody else's.
static inline long linux_receive_uevent(int file, void *bytes, size_t count) {
  struct { uint16_t family, padding; uint32_t process, groups; } sender = {0, 0, 0, 0};
  uint32_t size = sizeof sender;
  long result =
      linux_call(LINUX_RECVFROM, file, (long)bytes, (long)count, 0, (long)&sender, (long)&size);
  return result > 0 && sender.process != 0 ? 0 : result;
}

/// Renames a network card, which has to be down. Both names are shorter than 16 bytes.
static inline long linux_rename_card(int socket, const char *from, const char *to) {
  enum { SIOCSIFNAME = 0x8923 };
  // struct ifreq: ifr_name, and a union of 24 bytes with ifr_newname.
  char request[40] = {0};
  for (int index = 0; index < 15 && from[index]; index++) request[index] = from[index];
  for (int index = 0; index < 15 && to[index]; index++) request[16 + index] = to[index];
  return linux_call(LINUX_IOCTL, socket, SIOCSIFNAME, (long)request, 0, 0, 0);
}

/// Waits until there is something to read. 0: the time has passed.
static inline long linux_wait_for_input(int file, int64_t milliseconds) {
  struct { int file; int16_t events, found; } wanted = {file, 1, 0};
  int64_t time[2] = {milliseconds / 1000, milliseconds % 1000 * 1000000};
  return linux_call(LINUX_PPOLL, (long)&wanted, 1, (long)time, 0, 0, 0);
}

/// Bytes of consecutive I/O ports, as they are there; a negative number where there are none.
static inline long linux_read_ports(uint16_t first, void *bytes, size_t count) {
#if defined(__x86_64__)
  long result = linux_call(LINUX_IOPERM, first, (long)count, 1, 0, 0, 0);
  if (result < 0) return result;
  for (size_t index = 0; index < count; index++) {
    uint8_t byte;
    __asm__ volatile("inb %w1, %b0" : "=a"(byte) : "Nd"((uint16_t)(first + index)));
    ((uint8_t *)bytes)[index] = byte;
  }
  return (long)count;
#else
  (void)first, (void)bytes, (void)count;
  return -38;  // ENOSYS
#endif
}

// --- Modules and processes -----------------------------------------------------------------------

static inline long linux_finit_module(int file, const char *arguments, int is_compressed) {
  enum { MODULE_INIT_COMPRESSED_FILE = 4 };
  return linux_call(LINUX_FINIT_MODULE, file, (long)arguments,
                    is_compressed ? MODULE_INIT_COMPRESSED_FILE : 0, 0, 0, 0);
}

/// Processors that this process may run on.
static inline int linux_processors(void) {
  uint64_t mask[16] = {0};
  long size = linux_call(LINUX_SCHED_GETAFFINITY, 0, sizeof mask, (long)mask, 0, 0, 0);
  int count = 0;
  for (long index = 0; index < size / 8; index++)
    for (uint64_t bits = mask[index]; bits != 0; bits &= bits - 1) count++;
  return count > 0 ? count : 1;
}

/// A copy of this process: 0 in it, its number here.
static inline long linux_fork(void) {
  enum { SIGCHLD = 17 };
  return linux_call(LINUX_CLONE, SIGCHLD, 0, 0, 0, 0, 0);
}

/// The next child that ends, and its wait status.
static inline long linux_wait(int *status) {
  return linux_call(LINUX_WAIT4, -1, (long)status, 0, 0, 0, 0);
}

static inline _Noreturn void linux_exit(int code) {
  for (;;) linux_call(LINUX_EXIT_GROUP, code, 0, 0, 0, 0, 0);
}

/// Nanoseconds since the machine started.
static inline int64_t linux_uptime(void) {
  enum { CLOCK_BOOTTIME = 7 };
  int64_t time[2] = {0, 0};
  linux_call(LINUX_CLOCK_GETTIME, CLOCK_BOOTTIME, (long)time, 0, 0, 0, 0);
  return time[0] * 1000000000 + time[1];
}

/// Seconds since 1970.
static inline int64_t linux_now(void) {
  int64_t time[2] = {0, 0};
  linux_call(LINUX_CLOCK_GETTIME, 0, (long)time, 0, 0, 0, 0);
  return time[0];
}

#endif
