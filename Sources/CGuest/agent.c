#include "CGuest.h"

#include <string.h>

// scripts/build-guest touches this file when it has made them anew.
#pragma clang diagnostic ignored "-Wc23-extensions"

#if __has_embed("../../Guest/build/agent-amd64")
static const uint8_t amd64[] = {
#embed "../../Guest/build/agent-amd64"
};
#endif

#if __has_embed("../../Guest/build/agent-arm64")
static const uint8_t arm64[] = {
#embed "../../Guest/build/agent-arm64"
};
#endif

#if __has_embed("../../Guest/build/agent-riscv64")
static const uint8_t riscv64[] = {
#embed "../../Guest/build/agent-riscv64"
};
#endif

const uint8_t *minivm_run_agent(const char *architecture, size_t *count) {
#if __has_embed("../../Guest/build/agent-amd64")
  if (strcmp(architecture, "amd64") == 0) return *count = sizeof amd64, amd64;
#endif
#if __has_embed("../../Guest/build/agent-arm64")
  if (strcmp(architecture, "arm64") == 0) return *count = sizeof arm64, arm64;
#endif
#if __has_embed("../../Guest/build/agent-riscv64")
  if (strcmp(architecture, "riscv64") == 0) return *count = sizeof riscv64, riscv64;
#endif
  (void)architecture;
  *count = 0;
  return NULL;
}
