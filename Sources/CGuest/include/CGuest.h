#ifndef MINIVM_GUEST_H
#define MINIVM_GUEST_H

#include <stddef.h>
#include <stdint.h>

/// The guest's coldplug for an architecture, as scripts/build-guest made it. Returns its bytes, which
/// live as long as this program, and their number; NULL where this program was built without it.
///
/// - Parameter architecture: Debian's name of it.
const uint8_t *minivm_coldplug(const char *architecture, size_t *count);

#endif
