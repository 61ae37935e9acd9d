import Basics
import Formats

/// Parts of a container image, as a tool would make them, or as none would.
package struct TestImage: Sendable {
  /// Blobs by their digests.
  package private(set) var blobs: [String: [UInt8]] = [:]

  package init() {}

  /// Adds a blob.
  /// - Returns: its digest.
  package mutating func add(_ bytes: [UInt8]) -> String {
    let digest = "sha256:\(Digest.sha256(of: bytes))"
    blobs[digest] = bytes
    return digest
  }

  /// Changes what is behind a digest.
  package mutating func replace(_ digest: String, _ bytes: [UInt8]) {
    blobs[digest] = bytes
  }

  /// Adds a blob.
  /// - Parameters:
  ///   - more: further members of the descriptor's object, such as `"urls": []`.
  /// - Returns: a descriptor of it.
  package mutating func descriptor(
    _ bytes: [UInt8], _ type: String?, _ more: String...
  ) -> String {
    let digest = add(bytes)
    let members =
      (type.map { ["\"mediaType\":\"\($0)\""] } ?? [])
      + ["\"digest\":\"\(digest)\"", "\"size\":\(bytes.count)"] + more
    return "{\(members.joined(separator: ","))}"
  }

  package static let layerType = "application/vnd.oci.image.layer.v1.tar"
  package static let manifestType = "application/vnd.oci.image.manifest.v1+json"
  package static let indexType = "application/vnd.oci.image.index.v1+json"
  package static let configType = "application/vnd.oci.image.config.v1+json"

  /// Returns an image's configuration.
  package static func configuration(
    architecture: String = "amd64", variant: String? = nil, diffIDs: [String],
    config: String = #"{"Cmd":["/bin/sh"]}"#
  ) -> [UInt8] {
    let variant = variant.map { #""variant":"\#($0)","# } ?? ""
    let ids = diffIDs.map { "\"\($0)\"" }.joined(separator: ",")
    return Array(
      #"{"architecture":"\#(architecture)",\#(variant)"os":"linux","config":\#(config),"rootfs":{"type":"layers","diff_ids":[\#(ids)]}}"#
        .utf8)
  }

  /// Adds a manifest with uncompressed layers and a configuration.
  /// - Returns: the manifest.
  package mutating func manifest(
    layers: [[UInt8]], architecture: String = "amd64", variant: String? = nil,
    mediaType: String? = manifestType, config: String = #"{"Cmd":["/bin/sh"]}"#
  ) -> [UInt8] {
    let descriptors = layers.map { descriptor($0, Self.layerType) }
    let configuration = Self.configuration(
      architecture: architecture, variant: variant,
      diffIDs: layers.map { "sha256:\(Digest.sha256(of: $0))" }, config: config)
    return Self.manifest(
      configuration: descriptor(configuration, Self.configType), layers: descriptors,
      mediaType: mediaType)
  }

  /// Returns a manifest of descriptors.
  package static func manifest(
    configuration: String, layers: [String], mediaType: String? = manifestType
  ) -> [UInt8] {
    let type = mediaType.map { #""mediaType":"\#($0)","# } ?? ""
    return Array(
      #"{"schemaVersion":2,\#(type)"config":\#(configuration),"layers":[\#(layers.joined(separator: ","))]}"#
        .utf8)
  }

  /// Returns an index of descriptors.
  package static func index(_ descriptors: [String]) -> [UInt8] {
    Array(
      #"{"schemaVersion":2,"mediaType":"\#(indexType)","manifests":[\#(descriptors.joined(separator: ","))]}"#
        .utf8)
  }

  /// Writes an image layout.
  /// - Parameter index: what `index.json` lists, as descriptors.
  package func write(_ folder: TemporaryFolder, index: [String]) throws {
    try folder.write("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#.utf8)
    try folder.write("index.json", Self.index(index))
    for (digest, bytes) in blobs {
      try folder.write("blobs/\(digest.replacing(":", with: "/"))", bytes)
    }
  }
}
