/// Where the parts of images are: a layout, an archive, a registry.
protocol ImageStore: Sendable {
  /// For messages, such as the folder.
  var name: String { get }

  /// Returns the bytes of a manifest, an index or a configuration, which nobody has proved yet.
  func document(_ descriptor: ImageDescriptor, digest: FileHash) throws -> [UInt8]

  /// Returns a layer, which nobody has proved yet.
  func blob(_ descriptor: ImageDescriptor, digest: FileHash) throws -> StoredBytes

  /// Brings layers to this machine, several at a time.
  func fetch(_ layers: [(descriptor: ImageDescriptor, digest: FileHash)]) throws
}

extension ImageStore {
  func fetch(_ layers: [(descriptor: ImageDescriptor, digest: FileHash)]) throws {}
}
