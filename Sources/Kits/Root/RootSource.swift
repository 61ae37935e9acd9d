internal import Basics
package import Formats
internal import Glibc
package import Packages
internal import Synchronization

/// Where the files of a root come from.
package struct RootSource {
  package let layers: [RootLayer]
  package let description: RootDescription.Source

  private init(layers: [RootLayer], description: RootDescription.Source) {
    (self.layers, self.description) = (layers, description)
  }

  /// - Parameters:
  ///   - argument: a folder, a tar archive, `-` for one on stdin, or a container image.
  ///   - architecture: which of an image's is taken.
  ///   - access: the network and logins for an image, and a folder for what stdin brings, which is read twice.
  /// - Throws: `KitError` for what is not there, or no root.
  package init(
    _ argument: String, architecture: Architecture, access: ImageAccess
  ) throws {
    if argument == "-" {
      self.init(
        layers: [try .stdin(temporaryFolder: access.cache.temporaryFolder, jobs: access.jobs)],
        description: RootDescription.Source(kind: .archive, name: "-"))
      return
    }
    if let reference = try Self.imageReference(argument) {
      self = Self(
        try reference.image(architecture: architecture, access: access), jobs: access.jobs)
      return
    }
    guard FileTree.status(argument, followingLink: true) != nil else {
      throw KitError(
        .missing, "\(argument): no such folder or file",
        advice: "give a folder, a tar archive, - or a container image: docker://HOST/NAME")
    }
    let name = FileTree.name(of: FileTree.realPath(argument) ?? argument)
    if FileTree.isDirectory(argument) {
      self.init(
        layers: [.folder(argument)],
        description: RootDescription.Source(kind: .folder, name: name))
      return
    }
    guard let layer = try RootLayer.archive(argument, jobs: access.jobs) else {
      throw KitError(
        .invalid, "\(argument): is no tar archive, compressed or not",
        advice: "give a folder, a tar archive or a container image")
    }
    self.init(
      layers: [layer], description: RootDescription.Source(kind: .archive, name: name))
  }

  /// Whether a file is a tar archive, compressed or not.
  package static func isArchive(_ path: String) throws -> Bool {
    let start = try InputFile(path).read(at: 0, count: 512)
    return Compression.detect(start) != .none || TarReader.isArchive(start)
  }

  /// - Returns: nil for what is a folder, an archive or nothing.
  private static func imageReference(_ argument: String) throws -> ImageReference? {
    if let reference = try ImageReference.detect(path: argument) { return reference }
    let isPath = FileTree.status(argument, followingLink: true) != nil
    return isPath || !argument.contains(":") ? nil : try ImageReference(argument: argument)
  }

  /// The layers of a container image.
  package init(_ image: ContainerImage, jobs: Int) {
    var description = RootDescription.Source(kind: .image, name: image.reference)
    description.digest = image.digest.digest
    description.image = image.configuration
    // All of them come side by side, once the first one is read.
    let isFetched = Mutex(false)
    self.init(
      layers: image.layers.map { layer in
        .image(layer, jobs: jobs) {
          try isFetched.withLock {
            if !$0 { try image.fetchLayers() }
            $0 = true
          }
        }
      }, description: description)
  }
}

extension RootLayer {
  /// A layer of a container image, which is proved by its digests each time that it is read.
  /// - Parameter fetch: brings the layers of the image to this machine.
  static func image(
    _ layer: ImageLayer, jobs: Int, fetch: @escaping @Sendable () throws -> Void
  ) -> RootLayer {
    RootLayer(
      name: layer.name, hasWhiteouts: true,
      known: RootDescription.Layer(
        digest: layer.digest.digest, diffID: layer.diffID.digest, size: layer.size)
    ) {
      try fetch()
      return Opened(members: TarMembers(try layer.open(jobs: jobs)), hash: nil)
    }
  }

  /// A tar archive that comes on stdin, which is kept in a file without a name while it is needed.
  static func stdin(temporaryFolder folder: String, jobs: Int) throws -> RootLayer {
    let status = FileTree.status("/dev/stdin", followingLink: true)
    if status?.kind == .file, let layer = try archive("/dev/stdin", jobs: jobs) {
      var layer = layer
      layer.name = "stdin"
      return layer
    }
    let path = "\(folder)/minivm-stdin-\(getpid())"
    let file = try OutputFile(replacing: path)
    var size = 0
    while true {
      var piece = [UInt8](repeating: 0, count: 1 << 18)
      let count = unsafe read(0, &piece, piece.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else {
        throw KitError(.invalid, "stdin: can't be read: \(unsafe String(cString: strerror(errno)))")
      }
      if count == 0 { break }
      try file.write(Array(piece.prefix(count)), at: size)
      size += count
    }
    guard size > 0 else {
      throw KitError(.invalid, "stdin: is empty", advice: "pipe a tar archive into it")
    }
    try file.commit(mode: 0o600)
    defer { FileTree.remove(path) }
    guard var layer = try archive(path, jobs: jobs) else {
      throw KitError(.invalid, "stdin: is no tar archive, compressed or not")
    }
    layer.name = "stdin"
    return layer
  }
}

extension RootDescription {
  /// What is not on the disk, a line for each kind.
  package var warnings: [String] {
    var counts: [String: (first: String, count: Int)] = [:]
    for one in dropped {
      counts["\(one.what): \(one.reason)", default: (one.path, 0)].count += 1
    }
    var lines = counts.sorted { $0.key.isBefore($1.key) }.map { what, files in
      files.count == 1
        ? "\(files.first): without its \(what)"
        : "\(files.count) files, the first \(files.first): without their \(what)"
    }
    if droppedCount > 0 { lines.append("and \(droppedCount) more") }
    return lines
  }
}
