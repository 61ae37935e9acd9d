internal import Basics
internal import Formats

/// Takes files out of an image, into a folder of this machine or a tar archive.
package struct FileExtraction {
  private let image: FileSystemImage
  private let path: String
  private let report: (_ bytes: Int) -> Void

  /// - Parameters:
  ///   - path: what is taken: the content of a folder, or one file.
  ///   - report: gets how many bytes of files have passed.
  package init(
    _ image: FileSystemImage, path: String, report: @escaping (_ bytes: Int) -> Void
  ) {
    self.image = image
    self.path = path
    self.report = report
  }

  /// Makes a folder of the files, which appears when all of them are there.
  /// - Parameter folder: one that is not there yet, or empty.
  /// - Returns: what was lost, in words, as this user may not make it; nil for nothing.
  /// - Throws: `KitError.usage` for a folder with something in it; `FormatError`.
  package func extract(toFolder folder: String) throws -> String? {
    let place = FileTree.withoutSlash(folder)
    if let status = FileTree.status(place, followingLink: true) {
      guard status.kind == .directory, (try? FileTree.names(in: place))?.isEmpty == true else {
        throw KitError(
          .usage, "\(folder): already exists and is not an empty folder",
          advice: "name another one with --out")
      }
    }
    return try FileTree.withDirectories(FileTree.parent(of: place)) {
      let staging = try StagingDirectory(in: FileTree.parent(of: place))
      try staging.makeDirectories("files")
      let writer = FolderWriter("\(staging.path)/files")
      try copy(to: writer)
      try writer.finish()
      try staging.publish("files", to: place)
      guard !writer.losses.isEmpty else { return nil }
      let losses = writer.losses.sorted { $0.key.isBefore($1.key) }.map { what, count in
        "\(what) (\(count) \(count == 1 ? "file" : "files"))"
      }
      return "\(folder): lost without root rights: \(losses.joined(separator: ", "))"
    }
  }

  /// Writes a tar archive of the files.
  /// - Returns: how many sockets were left out.
  package func extract(toArchive write: @escaping ([UInt8]) throws -> Void) throws -> Int {
    let writer = TarWriter(write)
    try copy(to: writer)
    try writer.finish()
    return writer.socketCount
  }

  private func copy(to writer: any FileSystemWriter) throws {
    let inode = try image.find(path)
    try inside(image.path) {
      let isFolder = try image.files.inode(inode).kind == .directory
      let name = isFolder ? [] : Array(FileTree.name(of: path).utf8)
      var bytes = 0
      let members = FileSystemMembers(image.files, from: inode, path: name)
      try members.copy(to: writer) { member in
        bytes = bytes.addingSaturated(member.size)
        report(bytes)
      }
    }
    try image.checkUnchanged()
  }
}
