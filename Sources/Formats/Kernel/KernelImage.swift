/// A Linux kernel as boot loaders take it, and where in it the kernel proper is.
///
/// Linux, Documentation/arch/x86/boot.rst, arm64/booting.rst, riscv/boot-image-header.rst; EFI's zboot
/// images: drivers/firmware/efi/libstub/zboot-header.S.
package struct KernelImage: Sendable, Hashable {
  /// What the kernel proper may unpack to, in bytes.
  package static let sizeLimit = 1 << 29
  /// Bytes that say what an image is.
  private static let headerSize = 0x260

  package let architecture: Architecture
  /// Where the kernel proper is, in bytes from the image's start: all of it, when nothing is packed.
  let payload: Range<Int>
  let compression: Compression
  /// What it has to unpack to, in bytes; nil where the image does not say.
  let unpackedSize: Int?
  /// The kernel's release, such as `6.1.0-18-cloud-amd64`; nil where only the packed part says it.
  package private(set) var release: String?

  /// - Parameters:
  ///   - size: bytes of the image.
  ///   - read: up to `count` bytes from `offset`, fewer only at the image's end.
  /// - Throws: `FormatError.malformed` for what is not a kernel of one of `Architecture.bootable`.
  package init(
    size: Int, read: (_ offset: Int, _ count: Int) throws -> [UInt8]
  ) throws {
    let start = try read(0, min(size, Self.headerSize))
    if start.has("HdrS", at: 0x202) {
      self = try Self.x86(start, size: size, read: read)
    } else if start.has("MZ", at: 0), start.has("zimg", at: 4) {
      self = try Self.zboot(start, size: size, read: read)
    } else if let architecture = Self.architecture(ofImage: start) {
      self.init(architecture, 0..<size, .none, unpackedSize: nil)
    } else {
      // Image.gz and its siblings: an image, packed as a whole.
      let compression = Compression.detect(start)
      guard compression != .none else { throw Self.notAKernel }
      self = try Self.packed(0..<size, compression, unpackedSize: nil, read: read)
    }
  }

  private init(
    _ architecture: Architecture, _ payload: Range<Int>, _ compression: Compression,
    unpackedSize: Int?
  ) {
    self.architecture = architecture
    self.payload = payload
    self.compression = compression
    self.unpackedSize = unpackedSize
  }

  private static let notAKernel = FormatError(
    .malformed, "is not a Linux kernel of amd64, arm64 or riscv64")

  /// Of arm64's and riscv64's own image formats.
  private static func architecture(ofImage start: [UInt8]) -> Architecture? {
    if start.has("ARM\u{64}", at: 56) { return .arm64 }
    if start.has("RSC\u{5}", at: 56) { return .riscv64 }
    return nil
  }

  /// A bzImage: "The Real-Mode Kernel Header".
  private static func x86(
    _ start: [UInt8], size: Int, read: (Int, Int) throws -> [UInt8]
  ) throws -> KernelImage {
    var header = ByteReader(start)
    try header.seek(to: 0x1f1)
    let sectors = Int(try header.byte())
    try header.seek(to: 0x206)
    let version = try header.littleEndian(UInt16.self)
    let setup = min(size, (sectors == 0 ? 4 : sectors) * 512 + 512)
    let release = try release(&header, setup: setup, read: read)
    func image(_ payload: Range<Int>, _ compression: Compression, _ unpackedSize: Int?)
      -> KernelImage
    {
      var image = KernelImage(.amd64, payload, compression, unpackedSize: unpackedSize)
      image.release = release
      return image
    }
    // An older one does not say where its payload is, but still is a kernel.
    guard version >= 0x0208 else { return image(0..<size, .none, nil) }
    try header.seek(to: 0x248)
    let offset = Int(try header.littleEndian(UInt32.self))
    let length = Int(try header.littleEndian(UInt32.self))
    let begin = ((sectors == 0 ? 4 : sectors) + 1) * 512 + offset
    guard length > 4, begin + length <= size else {
      // Boot loaders do without it: only who wants to unpack it is told.
      return image(0..<0, .none, nil)
    }
    let magic = try read(begin, 13)
    let compression = Compression.detect(magic, isKernel: true)
    var trailer = ByteReader(try read(begin + length - 4, 4))
    let unpackedSize = Int(try trailer.littleEndian(UInt32.self))
    // "The size of the payload" has the unpacked size at its end: gzip's own, or four bytes more.
    let end = begin + length - (compression == .gzip ? 0 : 4)
    return image(begin..<end, compression, unpackedSize)
  }

  /// The first word of the text that "kernel_version" leads to.
  /// - Parameter setup: bytes of the image up to the end of the real-mode code.
  private static func release(
    _ header: inout ByteReader, setup: Int, read: (Int, Int) throws -> [UInt8]
  ) throws -> String? {
    try header.seek(to: 0x20e)
    let place = Int(try header.littleEndian(UInt16.self))
    guard place > 0, place + 512 < setup else { return nil }
    let text = try read(place + 512, 256)
    let word = text.prefix { $0 > 0x20 && $0 < 0x7f }
    return word.isEmpty || word.count == text.count ? nil : String(decoding: word, as: UTF8.self)
  }

  private static func zboot(
    _ start: [UInt8], size: Int, read: (Int, Int) throws -> [UInt8]
  ) throws -> KernelImage {
    var header = ByteReader(start)
    try header.seek(to: 8)
    let begin = Int(try header.littleEndian(UInt32.self))
    let length = Int(try header.littleEndian(UInt32.self))
    guard length > 0, begin + length <= size else {
      throw FormatError(
        .truncated, "its payload ends at byte \(begin + length), and the file at \(size)",
        offset: 8)
    }
    let compression = Compression.detect(try read(begin, 13), isKernel: true)
    var unpackedSize: Int?
    if compression != .gzip, begin + length + 4 <= size {
      var trailer = ByteReader(try read(begin + length, 4))
      unpackedSize = Int(try trailer.littleEndian(UInt32.self))
    }
    return try packed(begin..<begin + length, compression, unpackedSize: unpackedSize, read: read)
  }

  /// An image inside of another, whose first bytes have to be unpacked to tell the architecture.
  private static func packed(
    _ payload: Range<Int>, _ compression: Compression, unpackedSize: Int?,
    read: (Int, Int) throws -> [UInt8]
  ) throws -> KernelImage {
    return try withoutActuallyEscaping(read) { read in
      let source = RangeSource(payload, read: read)
      let start = try SourceReader(compression.decode(source)).read(exactly: 64)
      guard let architecture = architecture(ofImage: start) else { throw notAKernel }
      return KernelImage(architecture, payload, compression, unpackedSize: unpackedSize)
    }
  }

  /// Hands on the kernel proper, unpacked, in pieces: of x86 an ELF file, which is what PVH loaders
  /// take, of the others an Image. Behind the ELF's own bytes there may be its relocations.
  /// - Throws: `FormatError.malformed` where that is not what comes out, `.limit` for a payload that
  ///   unpacks to more than `sizeLimit`.
  package func unpack(
    read: (_ offset: Int, _ count: Int) throws -> [UInt8], _ receive: ([UInt8]) throws -> Void
  ) throws {
    guard !payload.isEmpty, architecture != .amd64 || unpackedSize != nil else {
      throw FormatError(.malformed, "its header does not say where its payload is", offset: 0x248)
    }
    if let unpackedSize, unpackedSize > Self.sizeLimit { throw tooLarge(unpackedSize) }
    try withoutActuallyEscaping(read) { read in
      let source: any ByteSource
      do throws(FormatError) {
        source = try compression.decode(RangeSource(payload, read: read))
      } catch {
        throw error.inside("payload")
      }
      var size = 0
      try inside("payload") {
        try source.forEachPiece { piece in
          if size == 0, architecture == .amd64 { try Self.checkELF(piece) }
          size += piece.count
          guard size <= unpackedSize ?? Self.sizeLimit else { throw tooLarge(size) }
          try receive(piece)
        }
        guard size > 0, unpackedSize ?? size == size else {
          throw FormatError(
            .malformed, "unpacks to \(size) bytes, and is said to have \(unpackedSize ?? 0)")
        }
      }
    }
  }

  private func tooLarge(_ size: Int) -> FormatError {
    let limit = min(unpackedSize ?? Self.sizeLimit, Self.sizeLimit)
    return FormatError(.limit, "its payload unpacks to more than \(limit) bytes")
  }

  /// ELF header: 64 bits, little-endian, machine EM_X86_64.
  private static func checkELF(_ start: [UInt8]) throws(FormatError) {
    guard start.has("\u{7f}ELF\u{2}\u{1}", at: 0), start.has("\u{3e}\0", at: 18) else {
      throw FormatError(.malformed, "is not an ELF file of x86-64")
    }
  }
}

extension Compression {
  /// What a kernel's payload is packed with. `.lzma` has no magic number; kernels are packed with the
  /// properties that lzma(1) has by default.
  fileprivate static func detect(_ start: [UInt8], isKernel: Bool) -> Compression {
    start.starts(with: [0x5d, 0x00, 0x00]) ? .lzma : detect(start)
  }
}

extension [UInt8] {
  fileprivate func has(_ magic: String, at offset: Int) -> Bool {
    dropFirst(offset).starts(with: magic.utf8)
  }
}

/// A part of what a closure reads, a piece at a time.
private final class RangeSource: ByteSource {
  private var range: Range<Int>
  private let read: (Int, Int) throws -> [UInt8]

  init(_ range: Range<Int>, read: @escaping (Int, Int) throws -> [UInt8]) {
    self.range = range
    self.read = read
  }

  func next() throws -> [UInt8] {
    guard !range.isEmpty else { return [] }
    let piece = try read(range.lowerBound, min(range.count, 1 << 18))
    guard !piece.isEmpty else {
      throw FormatError(.truncated, "ends early", offset: range.lowerBound)
    }
    range = range.lowerBound + piece.count..<range.upperBound
    return piece
  }
}
