internal import Basics
internal import Formats

/// An image layout, in a folder or in an archive. OCI Image Format Specification, "OCI Image Layout Specification".
struct OCILayout: ImageStore {
  let files: any ImageFiles
  /// What the user writes before a tag: `oci:FOLDER`.
  let place: String

  var name: String { files.name }

  private struct Mark: Decodable {
    var imageLayoutVersion: String
  }

  private struct Index: Decodable {
    var manifests: [ImageDescriptor]
  }

  /// Whether files are a layout.
  static func isLayout(_ files: any ImageFiles) -> Bool {
    (try? files.file("oci-layout")) != nil
  }

  /// Returns the image with a name, a digest, or the only one.
  /// - Throws: `KitError.missing` where there is none, `KitError.usage` where a name is needed.
  func image(tag: String?, reference: String, architecture: Architecture) throws -> ContainerImage {
    guard try files.file("oci-layout") != nil else {
      throw KitError(
        .invalid, "\(name): has no oci-layout, so it is no OCI image layout",
        advice: "make one with skopeo copy SOURCE \(place)")
    }
    let mark: Mark = try ImageJSON.decode(files.read("oci-layout"), name: "\(name): oci-layout")
    guard mark.imageLayoutVersion.hasPrefix("1.") else {
      throw KitError(
        .invalid,
        "\(name): oci-layout: has version \(mark.imageLayoutVersion.quoted) (expected 1.0.0)")
    }
    let index: Index = try ImageJSON.decode(files.read("index.json"), name: "\(name): index.json")
    var resolver = ImageResolver(self, reference: reference, architecture: architecture)
    return try resolver.image(among: chosen(tag, index.manifests))
  }

  private func chosen(_ tag: String?, _ all: [ImageDescriptor]) throws(KitError)
    -> [ImageDescriptor]
  {
    guard let tag else {
      let names = Set(all.map(\.names))
      // Without names, or with one for all, it is one image for several machines.
      guard names.count > 1 else { return all }
      throw KitError(
        .usage, "\(name): has several images: \(listed(all))", advice: "name one: \(place):NAME")
    }
    let found = all.filter { $0.names.contains(tag) || $0.digest == tag }
    guard found.isEmpty else { return found }
    let others = all.isEmpty ? "it has none" : "it has \(listed(all))"
    throw KitError(.missing, "\(name): has no image \(tag.quoted)", advice: others)
  }

  private func listed(_ all: [ImageDescriptor]) -> String {
    let names = all.map { $0.names.first ?? $0.digest }
    let shown = names.prefix(20).joined(separator: ", ")
    return names.count > 20 ? "\(shown) and \(names.count - 20) more" : shown
  }

  func document(_ descriptor: ImageDescriptor, digest: FileHash) throws -> [UInt8] {
    try blob(descriptor, digest: digest).readAll(limit: ImageDocument.sizeLimit)
  }

  func blob(_ descriptor: ImageDescriptor, digest: FileHash) throws -> StoredBytes {
    let path = "blobs/\(digest.digest.replacing(":", with: "/"))"
    guard let blob = try files.file(path) else {
      throw KitError(
        .missing, "\(name): has no \(path), which the image consists of",
        advice: "copy the image again")
    }
    return blob
  }
}
