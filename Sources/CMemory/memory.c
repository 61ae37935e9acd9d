#define _GNU_SOURCE
#include "CMemory.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void (*shortage_handler)(long);
static void *reserve;
static const size_t reserve_size = 32 << 20;

void minivm_on_memory_shortage(void (*handler)(long)) {
  // Addresses without memory: what the handler needs when there are no others.
  void *place = mmap(NULL, reserve_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  reserve = place == MAP_FAILED ? NULL : place;
  shortage_handler = handler;
}

#if defined(__GLIBC__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
// The program's own functions take the place of the C library's, whose own ones they call.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

static void end(long size) {
  static atomic_int is_short;
  if (atomic_exchange(&is_short, 1) == 0) {
    if (reserve) munmap(reserve, reserve_size);
    shortage_handler(size);
  }
  // Another thread tells, or this one while it does.
  for (;;) pause();
}

static void *checked(void *block, size_t size) {
  if (!block && size && shortage_handler) end((long)size);
  return block;
}

void *malloc(size_t size) { return checked(__libc_malloc(size), size); }

void *calloc(size_t count, size_t size) {
  // A product that is too large for a number is not a shortage.
  if (size && count > (size_t)-1 / size) {
    errno = ENOMEM;
    return NULL;
  }
  return checked(__libc_calloc(count, size), count * size);
}

void *realloc(void *block, size_t size) { return checked(__libc_realloc(block, size), size); }

void *memalign(size_t alignment, size_t size) {
  return checked(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }

int posix_memalign(void **block, size_t alignment, size_t size) {
  if (alignment % sizeof(void *) || alignment == 0 || (alignment & (alignment - 1))) return EINVAL;
  *block = memalign(alignment, size);
  return *block || size == 0 ? 0 : ENOMEM;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *),
                   void *argument) {
  typedef int create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
  create *real = (create *)dlsym(RTLD_NEXT, "pthread_create");
  int result = real ? real(thread, attributes, start, argument) : EAGAIN;
  // libdispatch would try again for ever.
  if (result == EAGAIN && shortage_handler) end(0);
  return result;
}

// Whether it is where libdispatch looks for a thread's state: /proc/NUMBER/stat.
static int is_thread_state(const char *path) {
  static const char before[] = "/proc/", after[] = "/stat";
  if (strncmp(path, before, sizeof before - 1) != 0) return 0;
  path += sizeof before - 1;
  size_t digits = strspn(path, "0123456789");
  return digits > 0 && strcmp(path + digits, after) == 0;
}

int open(const char *path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  mode_t mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
  va_end(arguments);
  for (;;) {
    int result = openat(AT_FDCWD, path, flags, mode);
    if (result >= 0 || !shortage_handler || !is_thread_state(path)) return result;
    if (errno != EINTR) end(-1);
  }
}
#endif
