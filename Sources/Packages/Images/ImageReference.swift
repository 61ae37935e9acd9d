internal import Basics
package import Formats

/// An image as a user names it, with skopeo's prefixes.
package struct ImageReference: Sendable, Hashable {
  package enum Place: Sendable, Hashable {
    /// `oci:FOLDER[:NAME]`.
    case layout(folder: String, name: String?)
  }

  /// As the user wrote it.
  package let text: String
  package let place: Place

  private init(_ text: String, _ place: Place) {
    self.text = text
    self.place = place
  }

  /// Reads what a user wrote: one of skopeo's forms, or the path of a layout.
  /// - Throws: `KitError.usage` for what can't name an image.
  package init(argument text: String) throws {
    if let rest = Self.rest(text, "oci:") {
      let (folder, name) = try Self.split(rest, text)
      self.init(text, .layout(folder: folder, name: name))
    } else if let found = try Self.detect(path: text) {
      self = found
    } else {
      throw KitError(
        .usage, "\(text.quoted) names no image", advice: "write oci:FOLDER, or the path of a layout"
      )
    }
  }

  /// Returns the image that a path holds; nil where it holds none.
  package static func detect(path: String) throws -> ImageReference? {
    if FileTree.isDirectory(path) {
      let isLayout = OCILayout.isLayout(FolderFiles(name: FileTree.withoutSlash(path)))
      return isLayout
        ? ImageReference(path, .layout(folder: FileTree.withoutSlash(path), name: nil)) : nil
    }
    return nil
  }

  /// Finds the image.
  /// - Parameters:
  ///   - architecture: of the machine that it is for.
  /// - Throws: `KitError.missing` where there is no such image, `KitError.unverified` for one that is not what its
  ///   digests say.
  package func image(architecture: Architecture) throws -> ContainerImage {
    switch place {
    case .layout(let folder, let name):
      return try OCILayout(files: FolderFiles(name: folder), place: "oci:\(folder)")
        .image(tag: name, reference: text, architecture: architecture)
    }
  }

  private static func rest(_ text: String, _ prefix: String) -> String? {
    text.hasPrefix(prefix) ? String(text.dropFirst(prefix.count)) : nil
  }

  /// A path, and the name behind it. Names may have colons; the first colon behind which no longer path exists ends
  /// the path.
  private static func split(
    _ text: String, _ whole: String
  ) throws(KitError) -> (path: String, name: String?) {
    func exists(_ path: String) -> Bool { FileTree.status(path, followingLink: true) != nil }
    if exists(text) || !text.contains(":") {
      guard !text.isEmpty else { throw KitError(.usage, "\(whole.quoted) names no path") }
      return (FileTree.withoutSlash(text), nil)
    }
    let colons = text.indices.filter { text[$0] == ":" }
    let end = colons.last { exists(String(text[..<$0])) } ?? colons[0]
    let path = FileTree.withoutSlash(String(text[..<end]))
    let name = String(text[text.index(after: end)...])
    guard !path.isEmpty, !name.isEmpty else {
      throw KitError(.usage, "\(whole.quoted) names no path, or no image behind the colon")
    }
    return (path, name)
  }
}
