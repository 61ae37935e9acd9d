internal import Basics
internal import Formats

/// A registry's repository. OCI Distribution Specification 1.1, "Pull".
struct Registry: ImageStore {
  /// For messages: the host and the repository.
  let name: String
  private let address: String
  private let authorization: RegistryAuthorization
  private let access: ImageAccess
  private let reference: RegistryName

  /// - Throws: `KitError.usage` for a name without a host where no registry is set, and for plain HTTP to another machine.
  init(_ reference: RegistryName, _ access: ImageAccess) throws(KitError) {
    var reference = reference
    if reference.host == nil {
      guard let registry = access.registry else {
        throw KitError(
          .usage, "\(reference.repository.quoted) does not say which registry it is in",
          advice:
            "write docker://HOST/\(reference.repository), or set image-registry in minivm.yaml")
      }
      let parts = registry.split(separator: "/", maxSplits: 1)
      reference.host = parts.first.map(String.init)
      if parts.count > 1 { reference.repository = "\(parts[1])/\(reference.repository)" }
    }
    self.reference = reference
    self.access = access
    let host = reference.host ?? ""
    name = "\(host)/\(reference.repository)"
    let isPlain = access.authorities == nil && (access.isInsecure || Self.isLoopback(host))
    address = "\(isPlain ? "http" : "https")://\(host)/v2/\(reference.repository)"
    let isInsecure = access.isInsecure
    authorization = RegistryAuthorization(
      host: host, repository: reference.repository,
      logins: RegistryLogins(variables: access.variables),
      network: access.network, authorities: access.authorities
    ) { url in
      let host = url.dropFirst("http://".count).prefix { $0 != "/" }
      return url.hasPrefix("http://") && (isInsecure || Self.isLoopback(String(host)))
    }
  }

  /// Whether a host with its port is this machine, which plain HTTP may be spoken to.
  static func isLoopback(_ host: String) -> Bool {
    if host.hasPrefix("[::1]") { return true }
    let name = host.prefix { $0 != ":" }
    let numbers = name.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return name == "localhost" || numbers.count == 4 && !numbers.contains(nil) && numbers[0] == 127
  }

  private var network: Network { authorization.network(below: "\(address)/") }
  private var downloads: DownloadCache {
    DownloadCache(access.cache, network, progress: access.progress)
  }

  /// Returns the image of the reference.
  func image(text: String, architecture: Architecture) throws -> ContainerImage {
    let wanted = reference.digest.flatMap { FileHash(digest: $0) }
    let bytes = try manifest(wanted)
    let digest = FileHash(of: bytes, wanted?.algorithm ?? .sha256)
    if let wanted, wanted != digest {
      throw KitError(
        .unverified,
        "\(name): \(wanted.shortDigest) came with \(digest.algorithm.title) \(digest.text)",
        advice: "try again, or use another registry")
    }
    var resolver = ImageResolver(self, reference: text, architecture: architecture)
    return try resolver.image(
      from: ImageResolver.Document(
        digest: digest,
        content: try ImageDocument(
          reading: bytes, declared: nil, name: "\(name): \(digest.shortDigest)")))
  }

  /// The bytes that a tag or a digest leads to. What a tag led to is kept for runs without a network.
  private func manifest(_ wanted: FileHash?) throws -> [UInt8] {
    let which = wanted?.digest ?? reference.tag
    let title = "\(name):\(which)"
    let list = KeptList(
      "image-\(Digest.sha256(of: Array(title.utf8)))", title: title, in: access.cache)
    let file = "manifest.json"
    if access.network.isOffline || wanted != nil {
      if let bytes = try list.read(file, limit: ImageDocument.sizeLimit) { return bytes }
      if access.network.isOffline { throw list.absence }
    }
    let url = "\(address)/manifests/\(which)"
    var network = network
    network.get = { [get = network.get] request, receive in
      var request = request
      request.accepted = ImageMediaType.documents
      try get(request, receive)
    }
    let bytes: [UInt8]
    do {
      bytes = try network.download(url, limit: ImageDocument.sizeLimit)
    } catch let error as KitError where error.code == .missing {
      throw KitError(.missing, "\(name): has no image \(which.quoted)", advice: error.advice)
    }
    try list.keep([(file, bytes)])
    return bytes
  }

  func document(_ descriptor: ImageDescriptor, digest: FileHash) throws -> [UInt8] {
    try file(descriptor, digest, "document").readAll(limit: ImageDocument.sizeLimit)
  }

  func blob(_ descriptor: ImageDescriptor, digest: FileHash) throws -> StoredBytes {
    StoredBytes(try file(descriptor, digest, "layer"))
  }

  func fetch(_ layers: [(descriptor: ImageDescriptor, digest: FileHash)]) throws {
    _ = try downloads.files(layers.map { wanted($0.descriptor, $0.digest, "layer") })
  }

  private func file(
    _ descriptor: ImageDescriptor, _ digest: FileHash, _ what: String
  ) throws -> InputFile {
    try downloads.file(wanted(descriptor, digest, what))
  }

  private func wanted(
    _ descriptor: ImageDescriptor, _ digest: FileHash, _ what: String
  ) -> DownloadCache.Wanted {
    let isManifest = descriptor.mediaType.map(ImageMediaType.documents.contains) == true
    let url = "\(address)/\(isManifest ? "manifests" : "blobs")/\(digest.digest)"
    return DownloadCache.Wanted(
      urls: [url], name: "\(what)-\(digest.text.prefix(12))", size: descriptor.size,
      proof: .hash(digest))
  }
}
