internal import Basics
internal import Formats

/// Finds the way from a document to the image of an architecture.
struct ImageResolver {
  /// Indexes below indexes.
  static let depthLimit = 8
  /// Manifests, indexes and configurations that are looked at for one image.
  static let documentLimit = 100

  let store: any ImageStore
  /// As the user wrote it.
  let reference: String
  let architecture: Architecture
  private var documents = 0
  /// The platforms of images that were passed over.
  private var others: [String] = []

  init(_ store: any ImageStore, reference: String, architecture: Architecture) {
    self.store = store
    self.reference = reference
    self.architecture = architecture
  }

  /// A document that was proved.
  struct Document {
    var digest: FileHash
    var content: ImageDocument
  }

  /// Returns the image that the best of several descriptors leads to.
  /// - Throws: `KitError.missing` where none is for the architecture.
  mutating func image(among descriptors: [ImageDescriptor]) throws -> ContainerImage {
    guard let image = try find(descriptors, index: nil, depth: 0) else { throw absence }
    return image
  }

  /// Returns the image that a document leads to.
  /// - Throws: `KitError.missing` where none is for the architecture.
  mutating func image(from document: Document) throws -> ContainerImage {
    guard let image = try find(document, index: nil, depth: 0) else { throw absence }
    return image
  }

  private var absence: KitError {
    var seen: [String] = []
    for other in others where !seen.contains(other) { seen.append(other) }
    let there = seen.isEmpty ? "no image at all" : seen.joined(separator: ", ")
    return KitError(
      .missing, "\(reference): has no image for linux/\(architecture.oci), but \(there)",
      advice: "choose another architecture with --arch")
  }

  private mutating func find(
    _ descriptors: [ImageDescriptor], index: FileHash?, depth: Int
  ) throws -> ContainerImage? {
    guard depth <= Self.depthLimit else {
      throw KitError(
        .invalid, "\(reference): has indexes below indexes, deeper than \(Self.depthLimit)")
    }
    var ranked: [(rank: Int, descriptor: ImageDescriptor)] = []
    for descriptor in descriptors {
      if let platform = descriptor.platform, !platform.architecture.isEmpty {
        guard let rank = platform.rank(for: architecture) else {
          if platform.isKnown { others.append(platform.description) }
          continue
        }
        ranked.append((rank, descriptor))
      } else {
        // What says nothing has to be looked at, after those that say something.
        ranked.append((.max, descriptor))
      }
    }
    // A stable order: of two equally good ones, the first. "Image Index", `manifests`.
    let order = ranked.indices.sorted { (ranked[$0].rank, $0) < (ranked[$1].rank, $1) }
    for number in order {
      let document = try read(ranked[number].descriptor)
      if let image = try find(document, index: index, depth: depth) { return image }
    }
    return nil
  }

  private mutating func find(
    _ document: Document, index: FileHash?, depth: Int
  ) throws -> ContainerImage? {
    switch document.content {
    case .index(let descriptors):
      return try find(descriptors, index: index ?? document.digest, depth: depth + 1)
    case .manifest(let configuration, let layers):
      return try image(document.digest, index, configuration, layers)
    }
  }

  /// - Returns: nil for an image of another platform.
  private mutating func image(
    _ digest: FileHash, _ index: FileHash?, _ configuration: ImageDescriptor,
    _ descriptors: [ImageDescriptor]
  ) throws -> ContainerImage? {
    let title = "\(store.name): manifest \(digest.shortDigest)"
    if let type = configuration.mediaType, !ImageMediaType.configurations.contains(type) {
      throw KitError(
        .invalid, "\(title): is an artifact with a configuration of type \(type.quoted), no image")
    }
    let (bytes, hash) = try bytes(configuration)
    let content: ImageConfiguration = try ImageJSON.decode(
      bytes, name: "\(store.name): configuration \(hash.shortDigest)")
    let platform = ImagePlatform(content)
    if !platform.architecture.isEmpty, platform.rank(for: architecture) == nil {
      others.append(platform.description)
      return nil
    }
    guard content.diffIDs.count == descriptors.count else {
      throw KitError(
        .unverified,
        "\(title): has \(counted(descriptors.count, "layer")), and its configuration \(counted(content.diffIDs.count, "diff_id"))",
        advice: "have the image made again")
    }
    let layers = try descriptors.indices.map { number in
      try layer(descriptors[number], diffID: content.diffIDs[number], number, of: descriptors.count)
    }
    let store = store
    return ContainerImage(
      reference: reference, digest: digest, indexDigest: index, architecture: architecture,
      configuration: content, configurationDigest: hash, layers: layers.map(\.layer),
      bring: { try store.fetch(layers.map { ($0.descriptor, $0.layer.digest) }) })
  }

  private func layer(
    _ descriptor: ImageDescriptor, diffID: String, _ number: Int, of count: Int
  ) throws -> (descriptor: ImageDescriptor, layer: ImageLayer) {
    let digest = try digest(descriptor)
    let name = "\(store.name): layer \(number + 1) of \(count) (\(digest.shortDigest))"
    let type = descriptor.mediaType ?? ""
    guard ImageMediaType.isLayer(type) else {
      throw KitError(
        .invalid, "\(name): has the media type \(type.quoted), which is no layer's")
    }
    guard let diffID = FileHash(digest: diffID) else {
      throw KitError(
        .invalid, "\(name): has the diff_id \(diffID.quoted) (expected sha256:HEX or sha512:HEX)")
    }
    let layer = ImageLayer(
      name: name, digest: digest, size: descriptor.size, mediaType: type, diffID: diffID,
      isDigestKnown: true
    ) { [store] in try store.blob(descriptor, digest: digest) }
    return (descriptor, layer)
  }

  private mutating func read(_ descriptor: ImageDescriptor) throws -> Document {
    let (bytes, digest) = try bytes(descriptor)
    return Document(
      digest: digest,
      content: try ImageDocument(
        reading: bytes, declared: descriptor.mediaType,
        name: "\(store.name): \(digest.shortDigest)"))
  }

  /// Reads a small part of the image, and proves it.
  private mutating func bytes(_ descriptor: ImageDescriptor) throws -> ([UInt8], FileHash) {
    documents += 1
    guard documents <= Self.documentLimit else {
      throw KitError(
        .invalid, "\(reference): leads to more than \(Self.documentLimit) manifests and indexes")
    }
    let digest = try digest(descriptor)
    guard descriptor.size <= ImageDocument.sizeLimit else {
      throw KitError(
        .invalid,
        "\(store.name): \(digest.shortDigest) has \(descriptor.size) bytes, at most \(ImageDocument.sizeLimit) are read"
      )
    }
    let bytes = try store.document(descriptor, digest: digest)
    let found = FileHash(of: bytes, digest.algorithm)
    guard bytes.count == descriptor.size, found == digest else {
      throw KitError(
        .unverified,
        "\(store.name): \(digest.shortDigest) has \(bytes.count) bytes with \(digest.algorithm.title) \(found.text); what leads to it says \(descriptor.size) and \(digest.text)",
        advice: "get the image again")
    }
    return (bytes, digest)
  }

  private func digest(_ descriptor: ImageDescriptor) throws(KitError) -> FileHash {
    guard let digest = FileHash(digest: descriptor.digest) else {
      throw KitError(
        .invalid,
        "\(store.name): has the digest \(descriptor.digest.quoted) (expected sha256:HEX or sha512:HEX)"
      )
    }
    guard descriptor.size >= 0 else {
      throw KitError(.invalid, "\(store.name): \(digest.shortDigest) has a negative size")
    }
    return digest
  }
}
