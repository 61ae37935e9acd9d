package import Formats

/// A container image: its configuration and its layers. Manifest and configuration are proved by their digests, layers
/// when they are read.
package struct ContainerImage: Sendable {
  /// As the user wrote it.
  package var reference: String
  /// Of the manifest; of the configuration for an archive of `docker save`, whose manifest has no digest.
  package var digest: FileHash
  /// Of the index that led to the manifest; nil without one.
  package var indexDigest: FileHash?
  package var architecture: Architecture
  package var configuration: ImageConfiguration
  /// Of the configuration, which Docker calls the image's ID.
  package var configurationDigest: FileHash
  /// The lowest first.
  package var layers: [ImageLayer]
  let bring: @Sendable () throws -> Void

  /// Brings all layers to this machine, several at a time. Without it, each comes when it is opened.
  /// - Throws: `KitError.unverified` for layers that are not what the manifest says.
  package func fetchLayers() throws {
    try bring()
  }
}
