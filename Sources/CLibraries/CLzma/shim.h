#include <lzma.h>

/// The smallest .xz stream that liblzma makes and Linux decodes: CRC32 as its check, a dictionary no
/// larger than the data needs, the x86 filter (BCJ) where it is wanted.
static inline lzma_ret minivm_xz_smallest(
    int has_x86_filter, const uint8_t *input, size_t input_size, uint8_t *output, size_t *output_size,
    size_t room) {
  lzma_options_lzma options;
  if (lzma_lzma_preset(&options, 9 | LZMA_PRESET_EXTREME)) return LZMA_OPTIONS_ERROR;
  if (input_size < options.dict_size)
    options.dict_size = input_size < LZMA_DICT_SIZE_MIN ? LZMA_DICT_SIZE_MIN : (uint32_t)input_size;
  lzma_filter filters[] = {
      {LZMA_FILTER_X86, NULL}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
  return lzma_stream_buffer_encode(
      has_x86_filter ? filters : filters + 1, LZMA_CHECK_CRC32, NULL, input, input_size, output,
      output_size, room);
}

/// A decoder of .xz on `threads` cores, where liblzma has one (5.4), else on one core.
/// Blocks decode in parallel while they fit in `memory` bytes; more than `limit` is refused.
static inline lzma_ret minivm_xz_decoder(
    lzma_stream *stream, uint32_t threads, uint64_t memory, uint64_t limit) {
  if (threads <= 1) return lzma_stream_decoder(stream, limit, LZMA_CONCATENATED);
#if LZMA_VERSION >= UINT32_C(50040002)
  lzma_mt options = {0};
  options.flags = LZMA_CONCATENATED;
  options.threads = threads;
  options.memlimit_threading = memory;
  options.memlimit_stop = limit;
  return lzma_stream_decoder_mt(stream, &options);
#else
  return lzma_stream_decoder(stream, limit, LZMA_CONCATENATED);
#endif
}
