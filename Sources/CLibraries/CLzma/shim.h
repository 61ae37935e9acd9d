#include <lzma.h>

/// A decoder of .xz on `threads` cores, where liblzma has one (5.4), else on one core.
/// Blocks decode in parallel while they fit in `memory` bytes; more than twice that is refused.
static inline lzma_ret minivm_xz_decoder(lzma_stream *stream, uint32_t threads, uint64_t memory) {
  if (threads <= 1) return lzma_stream_decoder(stream, 2 * memory, LZMA_CONCATENATED);
#if LZMA_VERSION >= UINT32_C(50040002)
  lzma_mt options = {0};
  options.flags = LZMA_CONCATENATED;
  options.threads = threads;
  options.memlimit_threading = memory;
  options.memlimit_stop = 2 * memory;
  return lzma_stream_decoder_mt(stream, &options);
#else
  return lzma_stream_decoder(stream, 2 * memory, LZMA_CONCATENATED);
#endif
}
