internal import Basics
internal import Formats

/// An archive of `docker save`, or of `skopeo copy … docker-archive:`. Docker Image Specification 1.2, "Combined Image
/// JSON + Filesystem Changeset Format".
struct DockerArchive {
  let files: any ImageFiles

  private struct Entry: Decodable {
    var config: String
    var repoTags: [String]?
    var layers: [String]

    enum CodingKeys: String, CodingKey {
      case config = "Config"
      case repoTags = "RepoTags"
      case layers = "Layers"
    }
  }

  static let manifestName = "manifest.json"

  /// Returns the image with a name, or the only one.
  /// - Throws: `KitError.missing` where there is none, `KitError.usage` where a name is needed, `KitError.unverified`
  ///   for a configuration that is not what its name says.
  func image(name: String?, reference: String, architecture: Architecture) throws -> ContainerImage
  {
    let entries: [Entry] = try ImageJSON.decode(
      files.read(Self.manifestName), name: "\(files.name): \(Self.manifestName)")
    let entry = try chosen(name, entries)
    let bytes = try files.read(entry.config)
    let digest = FileHash(of: bytes, .sha256)
    let title = "\(files.name): configuration \(digest.shortDigest)"
    // `HEX.json`, or `blobs/sha256/HEX`.
    let named = FileTree.name(of: entry.config).prefix { $0 != "." }
    if let named = FileHash(digest: "sha256:\(named)"), named != digest {
      throw KitError(
        .unverified, "\(files.name): \(entry.config): has SHA-256 \(digest.text)",
        advice: "save the image again")
    }
    let content: ImageConfiguration = try ImageJSON.decode(bytes, name: title)
    let platform = ImagePlatform(content)
    guard platform.architecture.isEmpty || platform.rank(for: architecture) != nil else {
      throw KitError(
        .missing,
        "\(reference): has no image for linux/\(architecture.oci), but \(platform.description)",
        advice: "choose another architecture with --arch")
    }
    guard content.diffIDs.count == entry.layers.count,
      entry.layers.count <= ImageDocument.layerLimit
    else {
      throw KitError(
        .unverified,
        "\(title): has \(counted(content.diffIDs.count, "diff_id")), and the archive \(counted(entry.layers.count, "layer"))",
        advice: "save the image again")
    }
    let layers = try entry.layers.indices.map { number in
      try layer(entry.layers[number], content.diffIDs[number], number, of: entry.layers.count)
    }
    return ContainerImage(
      reference: reference, digest: digest, indexDigest: nil, architecture: architecture,
      configuration: content, configurationDigest: digest, layers: layers, bring: {})
  }

  private func layer(
    _ path: String, _ diffID: String, _ number: Int, of count: Int
  ) throws -> ImageLayer {
    guard let diffID = FileHash(digest: diffID) else {
      throw KitError(
        .invalid,
        "\(files.name): has the diff_id \(diffID.quoted) (expected sha256:HEX or sha512:HEX)")
    }
    guard let stored = try files.file(path) else {
      throw KitError(
        .missing, "\(files.name): has no \(path), a layer", advice: "save the image again")
    }
    return ImageLayer(
      name: "\(files.name): layer \(number + 1) of \(count) (\(diffID.shortDigest))",
      digest: diffID, size: stored.size, mediaType: "", diffID: diffID, isDigestKnown: false
    ) { stored }
  }

  private func chosen(_ name: String?, _ entries: [Entry]) throws(KitError) -> Entry {
    let names = entries.flatMap { $0.repoTags ?? [] }
    guard let name else {
      guard let entry = entries.first, entries.count == 1 else {
        throw KitError(
          .usage,
          "\(files.name): has \(counted(entries.count, "image")): \(names.joined(separator: ", "))",
          advice: "name one: docker-archive:\(files.name):NAME")
      }
      return entry
    }
    let tagged = FileTree.name(of: name).contains(":") ? name : "\(name):latest"
    let found = entries.filter { entry in
      entry.repoTags?.contains { $0 == tagged || $0.hasSuffix("/\(tagged)") } == true
    }
    guard let entry = found.first else {
      throw KitError(
        .missing, "\(files.name): has no image \(name.quoted)",
        advice: names.isEmpty ? "leave the name out" : "it has \(names.joined(separator: ", "))")
    }
    return entry
  }
}
