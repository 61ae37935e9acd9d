internal import Basics
package import Formats

/// A layer of an image: a tar archive with the changes to the layers below. OCI Image Format Specification, "Image
/// Layer Filesystem Changeset".
package struct ImageLayer: Sendable {
  /// The least that a layer may unpack to, in bytes, however small it is: a sparse file of 5 GB in a layer comes as
  /// zeros, which pack a thousandfold and more.
  package static let unpackedFloor = 16 << 30

  /// For messages: the image, and which of its layers this is.
  package let name: String
  /// Of the bytes as they are stored; the `diffID` for archives of `docker save`, which give no other.
  package let digest: FileHash
  /// Bytes, as they are stored.
  package let size: Int
  package let mediaType: String
  /// Of the uncompressed tar.
  package let diffID: FileHash
  /// Whether `digest` is of the stored bytes.
  let isDigestKnown: Bool
  let stored: @Sendable () throws -> StoredBytes

  /// Opens the layer's tar, uncompressed. It may be opened more than once, and has to be read to its end: only there
  /// it is proved.
  /// - Parameter jobs: cores that may be at work.
  /// - Throws: `KitError.unverified` here and at the end of the source, for bytes that are not what manifest and
  ///   configuration say.
  package func open(jobs: Int) throws -> any ByteSource {
    let stored = try stored()
    guard stored.size == size else {
      throw KitError(
        .unverified, "\(name): has \(stored.size) bytes; the manifest says \(size)",
        advice: "get the image again")
    }
    return try inside(name) { try LayerSource(self, stored, jobs: jobs) }
  }
}

/// The uncompressed bytes of a layer, which end in an error when they are not the right ones.
private final class LayerSource: ByteSource {
  private let layer: ImageLayer
  private let raw: any ByteSource
  private let content: any ByteSource
  /// nil where the content's hash says the same, or no digest is known.
  private let storedHash: HashComputation?
  private let contentHash: BackgroundHash
  private var isProved = false

  init(_ layer: ImageLayer, _ stored: StoredBytes, jobs: Int) throws {
    self.layer = layer
    let compression = Compression.detect(try stored.start(16))
    let needsHash = layer.isDigestKnown && (compression != .none || layer.digest != layer.diffID)
    let hash = needsHash ? HashComputation(layer.digest.algorithm.function) : nil
    storedHash = hash
    raw = ObservedSource(stored.source) { hash?.update($0) }
    contentHash = BackgroundHash(layer.diffID.algorithm.function, jobs: jobs)
    content = LimitedSource(
      try compression.decode(raw, jobs: jobs), limit: .max, compressedSize: stored.size,
      floor: ImageLayer.unpackedFloor)
  }

  func next() throws -> [UInt8] {
    let piece: [UInt8]
    do {
      piece = try content.next()
    } catch let error as FormatError where error.kind != .io {
      // Damaged bytes are above all not those that the manifest means.
      try raw.forEachPiece { _ in }
      try checkStored()
      throw error.inside(layer.name)
    }
    if piece.isEmpty {
      if !isProved { try prove() }
      isProved = true
    } else {
      try contentHash.update(piece)
    }
    return piece
  }

  private func prove() throws {
    try raw.forEachPiece { _ in }
    try checkStored()
    let found = Digest.text(try contentHash.finalize())
    if layer.isDigestKnown, layer.digest == layer.diffID { return try check(found) }
    guard found == layer.diffID.text else {
      throw KitError(
        .unverified,
        "\(layer.name): unpacks to a tar with \(layer.diffID.algorithm.title) \(found); the configuration says \(layer.diffID.text)",
        advice: "have the image made again")
    }
  }

  private func checkStored() throws {
    if let storedHash { try check(Digest.text(storedHash.finalize())) }
  }

  /// - Parameter found: the hash of the stored bytes.
  private func check(_ found: String) throws(KitError) {
    guard found == layer.digest.text else {
      throw KitError(
        .unverified,
        "\(layer.name): has \(layer.digest.algorithm.title) \(found); the manifest says \(layer.digest.text)",
        advice: "get the image again")
    }
  }
}

/// A hash that another core computes, one piece behind the reader.
private final class BackgroundHash {
  /// A hash that one thread at a time uses: the next piece waits for the last.
  private final class Computation: @unchecked Sendable {
    let hash: HashComputation
    init(_ function: LibCrypto.HashFunction) { hash = HashComputation(function) }
  }

  private let computation: Computation
  private let jobs: Int
  private var last: Background<Void>?

  init(_ function: LibCrypto.HashFunction, jobs: Int) {
    computation = Computation(function)
    self.jobs = jobs
  }

  func update(_ piece: [UInt8]) throws {
    try last?.value()
    last = nil
    if jobs > 1 {
      last = Background(jobs: jobs) { [computation] in computation.hash.update(piece) }
    } else {
      computation.hash.update(piece)
    }
  }

  func finalize() throws -> [UInt8] {
    try last?.value()
    last = nil
    return computation.hash.finalize()
  }
}
