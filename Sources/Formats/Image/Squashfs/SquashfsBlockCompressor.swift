internal import CZstd
internal import Synchronization

/// Compresses blocks as one zstd frame each, on several threads at once. RFC 8878.
final class SquashfsBlockCompressor: Sendable {
  private let level: Int32
  /// Contexts that no thread is using now: making one costs more than compressing a block.
  private let idle = Mutex<[Context]>([])

  /// - Parameter level: zstd's, 1 to 22.
  init(level: Int32) {
    self.level = level
  }

  /// - Returns: nil when the block does not shrink.
  func compress(_ block: [UInt8]) throws(FormatError) -> [UInt8]? {
    let known = idle.withLock { $0.popLast() }
    let context: Context
    if let known { context = known } else { context = try Context(level: level) }
    defer { idle.withLock { $0.append(context) } }
    return context.compress(block)
  }

  /// `@unchecked Sendable`: used by one thread at a time, the one that took it.
  @safe private final class Context: @unchecked Sendable {
    private let context: OpaquePointer

    init(level: Int32) throws(FormatError) {
      guard let context = unsafe ZSTD_createCCtx() else {
        throw FormatError(.limit, "zstd: out of memory")
      }
      unsafe self.context = context
      _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    }

    deinit {
      unsafe ZSTD_freeCCtx(context)
    }

    func compress(_ block: [UInt8]) -> [UInt8]? {
      let room = block.count - 1
      guard room > 0 else { return nil }
      let result = unsafe [UInt8](unsafeUninitializedCapacity: room) { output, count in
        let size = unsafe block.withUnsafeBytes { input in
          unsafe ZSTD_compress2(
            context, output.baseAddress, room, input.baseAddress, input.count)
        }
        // The only error that valid arguments leave is that the output has too little room.
        count = ZSTD_isError(size) == 0 ? size : 0
      }
      return result.isEmpty ? nil : result
    }
  }
}
