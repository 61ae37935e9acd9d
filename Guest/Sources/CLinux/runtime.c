// What Swift's compiler takes for granted below a program: its start, memory, and a guard for the
// stack.
#include "CLinux.h"

// scripts/build-guest names the program's entry.
extern int PROGRAM_MAIN(long count, const char *const *arguments);

uintptr_t __stack_chk_guard = 0x6d696e69766d;

_Noreturn void __stack_chk_fail(void) { __builtin_trap(); }

/// - Parameter stack: how many arguments there are, the arguments, NULL, the environment, NULL.
__attribute__((used, no_stack_protector)) _Noreturn static void start(const long *stack) {
  linux_exit(PROGRAM_MAIN(stack[0], (const char *const *)(stack + 1)));
}

#if defined(__x86_64__)
__asm__(".globl _start\n_start: xor %ebp, %ebp; mov %rsp, %rdi; and $-16, %rsp; call start; hlt");
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x29, #0; mov x30, #0; mov x0, sp; and sp, x0, #-16; bl start");
#else
__asm__(".globl _start\n_start: .option push\n.option norelax\nla gp, __global_pointer$\n"
        ".option pop\nmv a0, sp; andi sp, sp, -16; call start");
#endif

// --- Bytes ---------------------------------------------------------------------------------------

typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *memcpy(void *restrict to, const void *restrict from, size_t count) {
  char *target = to;
  const char *source = from;
  for (; count >= 8; count -= 8, target += 8, source += 8) *(word *)target = *(const word *)source;
  while (count--) *target++ = *source++;
  return to;
}

void *memmove(void *to, const void *from, size_t count) {
  char *target = to;
  const char *source = from;
  if (target <= source || target >= source + count) {
    for (; count >= 8 && source - target >= 8; count -= 8, target += 8, source += 8)
      *(word *)target = *(const word *)source;
    while (count--) *target++ = *source++;
  } else {
    while (count--) target[count] = source[count];
  }
  return to;
}

void *memset(void *to, int value, size_t count) {
  char *target = to;
  uint64_t all = 0x0101010101010101 * (uint8_t)value;
  for (; count >= 8; count -= 8, target += 8) *(word *)target = all;
  while (count--) *target++ = (char)value;
  return to;
}

int memcmp(const void *first, const void *second, size_t count) {
  const uint8_t *a = first, *b = second;
  for (; count > 0; count--, a++, b++)
    if (*a != *b) return *a - *b;
  return 0;
}

// --- Memory --------------------------------------------------------------------------------------

// Pieces have sizes of powers of two, from 32 bytes, with 16 bytes before them that say which; what
// is given back waits in a list of its size. Large ones come from the kernel and go back to it.
enum { LARGEST_CLASS = 17, CHUNK = 256 << 10 };

struct piece {
  size_t size_class;
  union { struct piece *next; size_t mapped; };
};

static struct piece *free_pieces[LARGEST_CLASS + 1];
static char *chunk, *chunk_end;

static void *map_memory(size_t count) {
  enum { READ_WRITE = 3, PRIVATE_ANONYMOUS = 0x22 };
  long result = linux_call(LINUX_MMAP, 0, (long)count, READ_WRITE, PRIVATE_ANONYMOUS, -1, 0);
  // Without memory there is nothing to be done; the shell path takes over.
  if (result < 0) linux_exit(70);
  return (void *)result;
}

/// - Parameter alignment: no more than 16 is ever asked for.
int posix_memalign(void **result, size_t alignment, size_t count) {
  if (alignment > 16 || count > (size_t)1 << 40) linux_exit(70);
  size_t size_class = 5;
  while (((size_t)1 << size_class) < count + sizeof(struct piece)) size_class++;
  struct piece *piece;
  if (size_class > LARGEST_CLASS) {
    size_t mapped = (count + sizeof(struct piece) + 4095) & ~(size_t)4095;
    piece = map_memory(mapped);
    piece->mapped = mapped;
  } else if (free_pieces[size_class]) {
    piece = free_pieces[size_class];
    free_pieces[size_class] = piece->next;
  } else {
    size_t size = (size_t)1 << size_class;
    if ((size_t)(chunk_end - chunk) < size) {
      chunk = map_memory(CHUNK);
      chunk_end = chunk + CHUNK;
    }
    piece = (struct piece *)chunk;
    chunk += size;
  }
  piece->size_class = size_class;
  *result = piece + 1;
  return 0;
}

void free(void *memory) {
  if (!memory) return;
  struct piece *piece = (struct piece *)memory - 1;
  if (piece->size_class > LARGEST_CLASS) {
    linux_call(LINUX_MUNMAP, (long)piece, (long)piece->mapped, 0, 0, 0, 0);
  } else {
    piece->next = free_pieces[piece->size_class];
    free_pieces[piece->size_class] = piece;
  }
}
