internal import Basics
package import Formats
internal import Machines
package import Modules

/// The disk that a VM mounts on /lib/modules: the whole module tree of a kernel, at `/VER`.
///
/// What is added streams into the image's clusters; modules that the RAM disk needs are read back
/// from there, so that a package passes through memory once and in pieces.
package final class ModulesDisk: ModuleStore {
  /// The guest's init finds the disk by it.
  package static let label = "minivm-modules"

  /// MiB.
  package static let defaultSize = 200

  private let release: KernelRelease
  private let options: BuildOptions
  private let jobs: Int
  private let writer: Ext4Writer
  /// The newest time that anything carries; nil for no bound.
  private let latestTime: Int?
  private let content = HashComputation()
  private let builder: ModuleIndexBuilder
  /// Of all that was added, once the disk is finished.
  private var finished: ModuleIndex?
  /// Folders that are there: the packages of one kernel share some.
  private var directories: Set<[UInt8]> = []
  /// Links that are called like modules, which are made when all that they may lead to is there.
  private var links: [(below: String, target: String, attributes: Ext4Attributes)] = []
  /// Paths of the files that were added, below the tree.
  private var files: Set<String> = []
  /// What is no module in any index though it is called like one, and which modules were not stripped, one line
  /// each.
  package var warnings: [String] { linkWarnings + debugInformation.warnings }
  private var linkWarnings: [String] = []
  private var debugInformation = DebugInformation()
  /// The permission bits of the tree itself.
  private var treeMode: UInt32 = 0o755

  /// - Parameters:
  ///   - output: where the image goes; it is not committed here.
  ///   - sourceDateEpoch: later times become this one.
  package init(
    _ release: KernelRelease, output: OutputFile, options: BuildOptions, jobs: Int,
    sourceDateEpoch: Int?
  ) throws {
    self.release = release
    self.options = options
    latestTime = sourceDateEpoch
    self.jobs = jobs
    builder = ModuleIndexBuilder(jobs: jobs)
    let image: any DiskImageWriter =
      options.diskFormat == .raw
      ? RawImageWriter(output)
      : Qcow2Writer(output, compression: options.clusters, jobs: jobs)
    writer = try Ext4Writer(
      image, size: (options.diskSize ?? Self.defaultSize) << 20, mayGrow: options.diskSize == nil)
  }

  /// Adds a path of the module tree. `build` and `source`, and what is in them, are left out,
  /// and so are earlier indexes, which are made anew.
  /// - Parameter below: the path below lib/modules/VER; empty for the tree itself.
  package func add(_ below: String, _ entry: KernelSource.Entry, _ body: any ByteSource) throws {
    guard !ModuleTreePath.isLeftOut(below) else { return }
    var (entry, body) = (entry, body)
    if options.stripsDebug, entry.kind == .file, below.hasSuffix(ModuleName.suffixes[0]) {
      let bytes = debugInformation.strip(
        try SourceReader(body).readToEnd(limit: ModuleTree.sizeLimit), below)
      (entry.size, body) = (bytes.count, MemorySource(bytes))
    }
    if below.isEmpty {
      guard entry.kind == .directory else {
        throw FormatError(.malformed, "is no folder", path: [release.description])
      }
      // Its time is added by `finish`: here it tells when depmod was run.
      treeMode = entry.mode
      return
    }
    let path = path(below)
    let attributes = try attributes(mode: entry.mode, modified: entry.modified)
    note(below, entry)
    body = try builder.collect(
      below, isFile: entry.kind == .file, size: entry.size, modified: entry.modified, body)
    switch entry.kind {
    case .directory:
      if directories.insert(Array(path.utf8)).inserted { try writer.addDirectory(path, attributes) }
    case .file:
      files.insert(below)
      let hashed = ObservedSource(body) { [self] in content.update($0) }
      try writer.addFile(path, attributes, size: entry.size, source: hashed)
    case .symbolicLink(let target):
      guard !ModuleTreePath.isModule(below) else {
        links.append((below, target, attributes))
        return
      }
      try writer.addSymbolicLink(path, to: target, attributes)
    case .hardLink(let earlier):
      guard case .moduleTree(release, let earlier)? = try KernelPath(earlier) else {
        throw FormatError(.malformed, "links to \(earlier.quoted), outside the modules folder")
      }
      try writer.addHardLink(path, to: self.path(earlier))
      files.insert(below)
      try builder.collect(below, linkedTo: earlier)
    case .characterDevice, .blockDevice, .fifo:
      throw FormatError(.unsupported, "is a device node, which no kernel package has", path: [path])
    }
  }

  /// The time of what is made here: the newest of what came in, or the bound.
  package var timestamp: Int { latestTime ?? builder.newest }

  /// Adds the modules' indexes and completes the image. Its UUID and its hash seed are taken from the
  /// content, so that the same content has the same, and other content has others.
  /// - Throws: `KitError.invalid` when the tree does not fit in the size that was asked for.
  package func finish() throws -> ModuleIndex {
    try addLinks()
    let index = try builder.index()
    finished = index
    try addTree()
    for file in try index.files(jobs: jobs) { try addIndex(file) }
    let digest = content.finalize()
    do {
      try writer.finish(
        Ext4Identity(
          uuid: Self.uuid(digest[..<16]), hashSeed: Self.uuid(digest[16...]), label: Self.label,
          timestamp: Ext4Time(seconds: timestamp)))
    } catch let error as FormatError where error.kind == .limit {
      throw KitError(
        .invalid, "the modules of \(release) do not fit: \(error.reason)",
        advice: "give that size, or none")
    }
    return index
  }

  /// A package's links never lead out of it. One to a module in it becomes another name of the same file, which
  /// the indexes have, too.
  private func addLinks() throws {
    let targets = Dictionary(links.map { ($0.below, $0.target) }, uniquingKeysWith: { $1 })
    for (below, target, attributes) in links {
      var place = ModuleTreePath.place(ofLink: below, to: target)
      for _ in 0..<Self.linkDepth {
        guard let next = place, let target = targets[next] else { break }
        place = ModuleTreePath.place(ofLink: next, to: target)
      }
      if let place, files.contains(place) {
        try writer.addHardLink(path(below), to: path(place))
        try builder.collect(below, linkedTo: place)
      } else {
        try writer.addSymbolicLink(path(below), to: target, attributes)
        linkWarnings.append(
          "\(below): left out of the indexes: a link to \(target.quoted), which is not in the package"
        )
      }
    }
  }

  /// As many links as the kernel follows in one path.
  private static let linkDepth = 40

  private func addTree() throws {
    let entry = KernelSource.Entry(
      role: .moduleTree(release, ""), kind: .directory, mode: treeMode, size: 0, modified: timestamp
    )
    note("", entry)
    try writer.addDirectory(path(""), attributes(mode: entry.mode, modified: entry.modified))
  }

  private func addIndex(_ file: ModuleIndex.File) throws {
    let entry = KernelSource.Entry(
      role: .moduleTree(release, file.name), kind: .file, mode: 0o644, size: file.bytes.count,
      modified: timestamp)
    note(file.name, entry)
    content.update(file.bytes)
    try writer.addFile(
      path(file.name), attributes(mode: 0o644, modified: timestamp), bytes: file.bytes)
  }

  /// What `finish` has found out.
  package func index() throws -> ModuleIndex { try finished ?? builder.index() }
  /// Returns the same index, which is whole.
  /// - Throws: as `index`.
  package func wholeIndex() throws -> ModuleIndex { try index() }

  /// The bytes of a file that was added, read back from the image.
  package func contents(of below: String) throws -> [UInt8] {
    guard let source = try writer.contents(of: path(below)) else {
      throw KitError(.missing, "the modules disk has no file \(below.quoted)")
    }
    return try SourceReader(source).readToEnd(limit: ModuleTree.sizeLimit)
  }

  /// What later RAM disks need of the modules on the finished disk.
  func records() throws -> ModuleRecords {
    let index = try self.index()
    let records = try index.modules.map { module in
      guard let place = try writer.place(of: path(module.path)) else {
        throw KitError(.missing, "the modules disk has no file \(module.path.quoted)")
      }
      return ModuleRecords.Record(path: module.path, facts: module.facts, place: place)
    }
    return ModuleRecords(records: records, lists: index.lists)
  }

  private func path(_ below: String) -> String {
    below.isEmpty ? release.description : "\(release)/\(below)"
  }

  private func attributes(mode: UInt32, modified: Int) throws -> Ext4Attributes {
    Ext4Attributes(
      mode: UInt16(truncatingIfNeeded: mode & 0o7777),
      modified: try Ext4Time(seconds: min(modified, latestTime ?? modified)))
  }

  /// Makes the entry part of the content's hash.
  private func note(_ below: String, _ entry: KernelSource.Entry) {
    let modified = min(entry.modified, latestTime ?? entry.modified)
    content.update(
      Array("\(below)\0\(entry.kind)\0\(entry.mode)\0\(entry.size)\0\(modified)\0".utf8))
  }

  /// Version 8: made from a hash. RFC 9562, section 5.8.
  private static func uuid(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    var bytes = Array(bytes.prefix(16))
    bytes[6] = bytes[6] & 0x0f | 0x80
    bytes[8] = bytes[8] & 0x3f | 0x80
    return bytes
  }
}

extension BuildOptions {
  fileprivate var clusters: Qcow2Compression {
    switch diskCompression {
    case .zstd: isSmallest ? .smallestZstd : .zstd
    case .zlib: isSmallest ? .smallestZlib : .zlib
    case .none: .none
    }
  }
}

extension TarEntry.Kind {
  /// What the disk's UUID is made of: written out, so that no compiler decides what it is. It is what Swift 6.3
  /// prints, which earlier versions hashed, for all targets without quotes and control characters. A NUL follows
  /// it, and none is in it.
  var identity: String {
    switch self {
    case .file: "file"
    case .directory: "directory"
    case .symbolicLink(let target): "symbolicLink(target: \"\(target)\")"
    case .hardLink(let path): "hardLink(path: \"\(path)\")"
    case .characterDevice(let major, let minor): "characterDevice(major: \(major), minor: \(minor))"
    case .blockDevice(let major, let minor): "blockDevice(major: \(major), minor: \(minor))"
    case .fifo: "fifo"
    }
  }
}
