#ifndef MINIVM_GUEST_H
#define MINIVM_GUEST_H

#include <stddef.h>
#include <stdint.h>

/// The guest's coldplug for an architecture, as scripts/build-guest made it. Returns its bytes, which
/// live as long as this program, and their number; NULL where this program was built without it.
///
/// - Parameter architecture: Debian's name of it.
const uint8_t *minivm_coldplug(const char *architecture, size_t *count);

/// The same of the agent of `minivm run`.
const uint8_t *minivm_run_agent(const char *architecture, size_t *count);

/// A file that the program carries. Its bytes live as long as the program.
struct minivm_file {
  const char *name;
  const uint8_t *bytes;
  size_t count;
};

/// ramdisk-template/init
extern const struct minivm_file minivm_init_script;

/// modules.autoload
extern const struct minivm_file minivm_modules_autoload;

/// The folder profiles, in the order of their names.
const struct minivm_file *minivm_profiles(size_t *count);

#endif
