package import Basics
package import Formats

/// One layer of a root, which can be read more than once.
package struct RootLayer: Sendable {
  /// For messages.
  package var name: String
  /// Whether names that begin with `.wh.` delete what lower layers have.
  package var hasWhiteouts: Bool
  /// What is known of it; the `diffID` is empty where reading tells.
  package var known: RootDescription.Layer
  package var open: @Sendable () throws -> Opened

  package struct Opened {
    package var members: any RootMembers
    /// Of all bytes of the files' contents so far, or of the archive.
    package var hash: HashComputation?

    package init(members: any RootMembers, hash: HashComputation?) {
      self.members = members
      self.hash = hash
    }
  }

  package init(
    name: String, hasWhiteouts: Bool, known: RootDescription.Layer,
    open: @escaping @Sendable () throws -> Opened
  ) {
    self.name = name
    self.hasWhiteouts = hasWhiteouts
    self.known = known
    self.open = open
  }

  /// A tar archive in a file, compressed or not.
  /// - Returns: nil for a file that is none.
  package static func archive(_ path: String, jobs: Int) throws -> RootLayer? {
    let file = try InputFile(path)
    let start = try file.read(at: 0, count: 512)
    let compression = Compression.detect(start)
    guard compression != .none || TarReader.isArchive(start) else { return nil }
    let known = RootDescription.Layer(
      digest: "sha256:\(try Digest.sha256(of: file))", diffID: "", size: file.size)
    return RootLayer(name: path, hasWhiteouts: false, known: known) {
      let bytes = try compression.decode(file.source(0..<file.size), jobs: jobs)
      return tar(
        compression == .none
          ? bytes : LimitedSource(bytes, limit: 1 << 40, compressedSize: file.size))
    }
  }

  /// A tar archive that is hashed while it is read.
  private static func tar(_ bytes: any ByteSource) -> Opened {
    let hash = HashComputation()
    return Opened(
      members: TarMembers(ObservedSource(bytes) { hash.update($0) }), hash: hash)
  }

  /// A folder of this machine.
  static func folder(_ path: String) -> RootLayer {
    RootLayer(
      name: path, hasWhiteouts: false,
      known: RootDescription.Layer(digest: nil, diffID: "", size: nil)
    ) {
      Opened(members: try FolderMembers(path), hash: nil)
    }
  }

  /// Files of this program.
  static func memory(_ name: String, _ files: [MemoryMembers.File]) -> RootLayer {
    RootLayer(
      name: name, hasWhiteouts: false,
      known: RootDescription.Layer(digest: nil, diffID: name, size: nil)
    ) {
      Opened(members: MemoryMembers(files), hash: nil)
    }
  }
}
