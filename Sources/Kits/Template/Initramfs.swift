internal import Basics
package import Formats

/// The kernel's first file system: what a template holds, the modules that were chosen, and their
/// indexes.
///
/// The same content gives the same archive, whatever the order it was added in, and wherever it came
/// from: owner 0:0, one time for all, modes that do not depend on a umask.
package struct Initramfs: Sendable {
  package enum Content: Sendable, Hashable {
    case directory
    case file([UInt8], isExecutable: Bool)
    case symbolicLink(target: String)
  }

  /// Folders that an init needs to mount something on.
  static let mountPoints = ["dev", "etc", "newroot", "proc", "run", "sys", "tmp"]

  private(set) var entries: [String: Content] = [:]
  /// Which of the files are one, with several names.
  private var identities: [String: FileIdentity] = [:]

  package init() {
    for path in Self.mountPoints { entries[path] = .directory }
  }

  package var paths: [String] { entries.keys.sorted() }

  /// Adds something, or replaces what was there. Folders above it come by themselves.
  /// - Parameters:
  ///   - path: relative, normalised.
  ///   - identity: what a file has in common with its other names, if it has any.
  /// - Throws: `KitError.invalid` when a part of the path is no folder, or a folder would be replaced.
  package mutating func add(
    _ path: String, _ content: Content, identity: FileIdentity? = nil
  ) throws {
    if let index = entries.index(forKey: path), !entries[index].key.utf8.elementsEqual(path.utf8) {
      // One string to Swift; nobody who looks at them can tell them apart.
      throw KitError(
        .invalid, "initramfs: two files are called \(path.quoted), in different bytes")
    }
    var above = FileTree.parent(of: path)
    while above != "." {
      guard entries[above] ?? .directory == .directory else {
        throw KitError(
          .invalid, "initramfs: \(above.quoted) is both a folder and something else",
          advice: "make it a folder in the template: \(path.quoted) goes into it")
      }
      entries[above] = .directory
      above = FileTree.parent(of: above)
    }
    if content != .directory, entries[path] == .directory {
      throw KitError(.invalid, "initramfs: \(path.quoted) is both a folder and something else")
    }
    entries[path] = content
    identities[path] = identity
  }

  /// The SHA-256 of all that is in it.
  func digest() throws -> String {
    try Digest.sha256(of: archive(timestamp: 0))
  }

  /// The newc archive.
  /// - Parameter timestamp: seconds since 1970, for all entries.
  package func archive(timestamp: Int) throws -> [UInt8] {
    var archive = Archive(timestamp: timestamp)
    try archive.append(self)
    return try archive.finish()
  }

  /// A newc archive that is written in parts.
  package struct Archive {
    private let timestamp: Int
    private var writer = NewcWriter()
    private var written: Set<String> = []
    /// Of files that may have more names.
    private var numbers: [FileIdentity: UInt32] = [:]

    /// - Parameter timestamp: seconds since 1970, for all entries.
    package init(timestamp: Int) {
      self.timestamp = timestamp
    }

    /// Appends what is not in it yet. What is, stays, whatever has taken its place in `initramfs` since.
    /// - Throws: `FormatError.overflow` for what the form can't hold.
    package mutating func append(
      _ initramfs: Initramfs, where isWanted: (_ path: String) -> Bool = { _ in true }
    ) throws {
      let names = Dictionary(grouping: initramfs.identities.values) { $0 }.mapValues(\.count)
      // In byte order a folder comes before what is in it.
      let paths = initramfs.entries.keys.filter { !written.contains($0) && isWanted($0) }
        .sorted { $0.isBefore($1) }
      var seen = Set(numbers.keys)
      writer.reserve(
        paths.map { path in
          let content: Int
          switch initramfs.entries[path] {
          case .file(let bytes, _):
            // Of several names one has the bytes.
            let isFirst = initramfs.identities[path].map { seen.insert($0).inserted } ?? true
            content = isFirst ? bytes.count : 0
          case .symbolicLink(let target): content = target.utf8.count
          case .directory, nil: content = 0
          }
          return (path.utf8.count, content)
        })
      for path in paths {
        guard let content = initramfs.entries[path] else { continue }
        let identity = initramfs.identities[path]
        try append(path, content, identity, links: identity.flatMap { names[$0] } ?? 1)
      }
      written.formUnion(paths)
    }

    private mutating func append(
      _ path: String, _ content: Content, _ identity: FileIdentity?, links: Int
    ) throws {
      switch content {
      case .directory:
        try writer.add(path, .directory, mode: path == "tmp" ? 0o1777 : 0o755, modified: timestamp)
      case .file(let bytes, let isExecutable):
        let number = identity.flatMap { numbers[$0] }
        let added = try writer.add(
          path, number.map { .hardLink($0) } ?? .file(bytes), mode: isExecutable ? 0o755 : 0o644,
          modified: timestamp, links: links)
        if let identity { numbers[identity] = added }
      case .symbolicLink(let target):
        try writer.add(path, .symbolicLink(target: target), mode: 0o777, modified: timestamp)
      }
      if path == "dev" {
        // Opened by the kernel for init before anything can be mounted on /dev.
        try writer.add(
          "dev/console", .characterDevice(major: 5, minor: 1), mode: 0o600, modified: timestamp)
      }
    }

    /// What was appended since the last time.
    package mutating func take() -> [UInt8] { writer.take() }

    /// What was appended since `take`, and the archive's end.
    package mutating func finish() throws -> [UInt8] {
      try writer.finish()
    }
  }
}
