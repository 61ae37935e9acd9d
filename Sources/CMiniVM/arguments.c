#include "CMiniVM.h"

#include <sys/auxv.h>

static int word_count;
static const char *const *words;

// glibc hands constructors what it hands main.
__attribute__((constructor)) static void keep(int count, char **arguments) {
  word_count = count;
  words = (const char *const *)arguments;
}

const char *minivm_argument(int index) {
  return index >= 0 && index < word_count ? words[index] : 0;
}

const char *minivm_program_path(void) { return (const char *)getauxval(AT_EXECFN); }
