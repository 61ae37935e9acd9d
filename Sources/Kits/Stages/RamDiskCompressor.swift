internal import Basics
internal import Formats
internal import Modules

/// Compresses a RAM disk in a form that its kernel can unpack.
struct RamDiskCompressor {
  private struct Candidate: Sendable {
    var compression: Compression
    var hasX86Filter = false
  }

  /// The most bytes of a first part, the least of the window that it is compressed in: the kernel allocates
  /// that, in a machine that may be small.
  private static let startLimit = 1 << 24
  private static let smallestWindow = 1 << 22

  private let isSmallest: Bool
  /// What may be the smallest; of the same size, the first is taken.
  private let candidates: [Candidate]
  /// An archive's first part.
  private var start: [UInt8] = []
  /// The same, compressed.
  private var begun: (frame: ZstdFrame, start: Background<ZstdFrame.Start>)?

  /// - Parameters:
  ///   - isSmallest: whether all that the kernel can unpack is tried at its highest level.
  ///   - configuration: the kernel's, where it is known. Without, `auto` is gzip.
  /// - Throws: `KitError.invalid` when the kernel says that it can't decompress this.
  init(
    _ wanted: InitramfsCompression, isSmallest: Bool, for configuration: KernelConfiguration?,
    _ release: KernelRelease
  ) throws {
    self.isSmallest = isSmallest
    let known: [(InitramfsCompression, compression: Compression, option: String)] = [
      (.zstd, .zstd, "RD_ZSTD"), (.xz, .xz, "RD_XZ"), (.gzip, .gzip, "RD_GZIP"),
      (.lz4, .lz4, "RD_LZ4"),
    ]
    var chosen: [Compression]
    if wanted == .auto {
      let better = known.prefix(isSmallest ? 2 : 1).filter {
        configuration?.isBuiltIn($0.option) == true
      }
      chosen = better.isEmpty ? [.gzip] : better.map(\.compression)
    } else if let one = known.first(where: { $0.0 == wanted }) {
      guard configuration?.isBuiltIn(one.option) != false else {
        throw KitError(
          .invalid,
          "kernel \(release) can't decompress \(wanted.rawValue): its configuration lacks CONFIG_\(one.option)",
          advice: "use --initramfs-compression auto")
      }
      chosen = [one.compression]
    } else {
      chosen = [.none]
    }
    candidates = chosen.flatMap { compression in
      // Linux, lib/xz/Kconfig. The filter is for programs; compressed modules may be smaller without.
      let hasFilter =
        compression == .xz && isSmallest && configuration?.isBuiltIn("XZ_DEC_X86") == true
      return [Candidate(compression: compression)]
        + (hasFilter ? [Candidate(compression: compression, hasX86Filter: true)] : [])
    }
  }

  /// Begins with the first part of an archive, while the rest of it is made. Its programs may share a libc,
  /// however far they are from each other: what repeats is looked for in as many bytes.
  mutating func begin(_ start: [UInt8], jobs: Int) {
    self.start = start
    guard !isSmallest, candidates.map(\.compression) == [.zstd], start.count < Self.startLimit
    else { return }
    let frame = ZstdFrame(windowSize: max(start.count, Self.smallestWindow - 1))
    begun = (frame, Background(jobs: jobs) { try frame.start(start) })
  }

  /// The same bytes on any number of cores.
  /// - Parameter end: what follows the first part.
  /// - Throws: `KitError.invalid` where nobody would unpack what it becomes.
  mutating func compress(
    _ end: [UInt8], jobs: Int
  ) throws -> (bytes: [UInt8], compression: Compression) {
    let count = start.count + end.count
    let result = try compressed(end, jobs: jobs)
    guard count <= LimitedSource.mostBytes(from: result.bytes.count) else {
      throw KitError(
        .invalid,
        "the initramfs compresses from \(count) to \(result.bytes.count) bytes, which its readers refuse as a decompression bomb",
        advice: "look for a large file of the same bytes in the template")
    }
    return result
  }

  private mutating func compressed(
    _ end: [UInt8], jobs: Int
  ) throws -> (bytes: [UInt8], compression: Compression) {
    if let begun {
      return (try begun.frame.end(end, after: begun.start.value), .zstd)
    }
    start += end
    let archive = start
    let isSmallest = isSmallest
    let results = try OrderedWork.map(candidates, jobs: jobs) { candidate in
      let compression = candidate.compression
      let bytes =
        isSmallest
        ? try compression.compressSmallest(archive, hasX86Filter: candidate.hasX86Filter)
        : try compression.compress(archive)
      return (bytes, compression)
    }
    guard let smallest = results.min(by: { $0.0.count < $1.0.count }) else {
      return (archive, .none)
    }
    return smallest
  }
}
