/// What leads to a manifest, a configuration or a layer. OCI Image Format Specification, "OCI Content Descriptors".
struct ImageDescriptor: Decodable, Sendable, Hashable {
  var mediaType: String?
  var digest: String
  /// Bytes.
  var size: Int
  /// Where the content may be had besides.
  var urls: [String]?
  var annotations: [String: String]?
  var platform: ImagePlatform?

  init(
    mediaType: String?, digest: String, size: Int, urls: [String]? = nil,
    annotations: [String: String]? = nil, platform: ImagePlatform? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.urls = urls
    self.annotations = annotations
    self.platform = platform
  }

  /// The names that tools give an image in a layout.
  var names: [String] {
    ["org.opencontainers.image.ref.name", "io.containerd.image.name"].compactMap {
      annotations?[$0]
    }
  }
}

/// The types of what images consist of. OCI Image Format Specification, "OCI Image Media Types"; Docker, "Image
/// Manifest Version 2, Schema 2".
enum ImageMediaType {
  static let index = "application/vnd.oci.image.index.v1+json"
  static let manifest = "application/vnd.oci.image.manifest.v1+json"
  static let dockerIndex = "application/vnd.docker.distribution.manifest.list.v2+json"
  static let dockerManifest = "application/vnd.docker.distribution.manifest.v2+json"

  /// What a registry is asked for.
  static let documents = [index, manifest, dockerIndex, dockerManifest]
  static let indexes = [index, dockerIndex]
  static let configurations = [
    "application/vnd.oci.image.config.v1+json", "application/vnd.docker.container.image.v1+json",
  ]

  private static let layerBases = [
    "application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar",
  ]
  private static let foreignBases = [
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
  ]

  /// Whether this is a layer's type. Its bytes say how it is compressed.
  static func isLayer(_ type: String) -> Bool {
    (layerBases + foreignBases).contains { base in
      type.hasPrefix(base)
        && ["", "+gzip", "+zstd", ".gzip", ".zstd"].contains(type.dropFirst(base.count))
    }
  }

  /// Whether registries need not have the layer, which then is at an address of its own.
  static func isForeign(_ type: String) -> Bool {
    foreignBases.contains(where: type.hasPrefix)
  }

  /// What the first version of the format called itself.
  static func isFirstSchema(_ type: String) -> Bool {
    type.hasPrefix("application/vnd.docker.distribution.manifest.v1+")
  }
}
