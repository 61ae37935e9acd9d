internal import Basics
package import Formats

/// An image as a user names it, with skopeo's prefixes.
package struct ImageReference: Sendable, Hashable {
  package enum Place: Sendable, Hashable {
    /// `oci:FOLDER[:NAME]`.
    case layout(folder: String, name: String?)
    /// `oci-archive:FILE[:NAME]`.
    case layoutArchive(file: String, name: String?)
    /// `docker-archive:FILE[:NAME]`.
    case dockerArchive(file: String, name: String?)
    /// `docker://[HOST[:PORT]/]NAME[:TAG|@DIGEST]`.
    case registry(RegistryName)
    /// The path of either archive.
    case archive(file: String)
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
    } else if let rest = Self.rest(text, "oci-archive:") {
      let (file, name) = try Self.split(rest, text)
      self.init(text, .layoutArchive(file: file, name: name))
    } else if let rest = Self.rest(text, "docker://") {
      self.init(text, .registry(try RegistryName(rest)))
    } else if let rest = Self.rest(text, "docker-archive:") {
      let (file, name) = try Self.split(rest, text)
      self.init(text, .dockerArchive(file: file, name: name))
    } else if let found = try Self.detect(path: text) {
      self = found
    } else {
      // As docker has names: debian:trixie, host/name.
      self.init(text, .registry(try RegistryName(text)))
    }
  }

  /// Returns the image that a path holds; nil where it holds none.
  package static func detect(path: String) throws -> ImageReference? {
    if FileTree.isDirectory(path) {
      let isLayout = OCILayout.isLayout(FolderFiles(name: FileTree.withoutSlash(path)))
      return isLayout
        ? ImageReference(path, .layout(folder: FileTree.withoutSlash(path), name: nil)) : nil
    }
    guard FileTree.status(path, followingLink: true)?.kind == .file,
      try ArchiveFiles.mayBeImage(path)
    else { return nil }
    return ImageReference(path, .archive(file: path))
  }

  /// Finds the image.
  /// - Parameters:
  ///   - architecture: of the machine that it is for.
  ///   - access: the network, the cache, the user's logins.
  /// - Throws: `KitError.missing` where there is no such image, `KitError.unverified` for one that is not what its
  ///   digests say.
  package func image(
    architecture: Architecture, access: ImageAccess
  ) throws -> ContainerImage {
    func files(_ path: String) throws -> ArchiveFiles {
      try ArchiveFiles(path, temporaryFolder: access.cache.temporaryFolder, jobs: access.jobs)
    }
    func layout(_ files: ArchiveFiles, _ name: String?) throws -> ContainerImage {
      try OCILayout(files: files, place: "oci-archive:\(files.name)")
        .image(tag: name, reference: text, architecture: architecture)
    }
    func docker(_ files: ArchiveFiles, _ name: String?) throws -> ContainerImage {
      try DockerArchive(files: files).image(
        name: name, reference: text, architecture: architecture)
    }
    switch place {
    case .registry(let name):
      return try Registry(name, access).image(text: text, architecture: architecture)
    case .layoutArchive(let file, let name): return try layout(files(file), name)
    case .dockerArchive(let file, let name): return try docker(files(file), name)
    case .archive(let file):
      let files = try files(file)
      if OCILayout.isLayout(files) { return try layout(files, nil) }
      guard try files.file(DockerArchive.manifestName) != nil else {
        throw KitError(
          .invalid, "\(file): has neither oci-layout nor manifest.json, so it is no image's archive"
        )
      }
      return try docker(files, nil)
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
