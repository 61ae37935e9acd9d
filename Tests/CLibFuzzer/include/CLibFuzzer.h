#pragma once
#include <stddef.h>
#include <stdint.h>

/// libFuzzer as a library: LLVM, "libFuzzer", section "Using libFuzzer as a library".
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*test)(const uint8_t *bytes, size_t count));
