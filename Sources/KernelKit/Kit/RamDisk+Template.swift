internal import Formats

extension RamDisk {
  /// What a RAM disk has beside modules.
  public enum Template: Sendable, Hashable {
    /// A folder with `init` and what it needs.
    case folder(String)
    /// Another RAM disk, without the modules of its kernel.
    case ramDisk(String, KernelRelease)

    func add(to initramfs: inout Initramfs) throws {
      switch self {
      case .folder(let path): try initramfs.addTemplate(path)
      case .ramDisk(let path, let release):
        try inside(path) {
          let tree = "lib/modules/\(release)"
          try Self.forEachEntry(of: path) { entry, archive in
            if entry.path == tree || entry.path.hasPrefix(tree + "/") { return }
            if entry.path == "etc/modules.autoload" { return }
            if entry.isSymbolicLink {
              let target = String(decoding: try archive.body(limit: 1 << 16), as: UTF8.self)
              try initramfs.add(entry.path, .symbolicLink(target: target))
            } else if entry.isFile {
              try initramfs.add(
                entry.path,
                .file(try archive.body(limit: 1 << 28), isExecutable: entry.mode & 0o111 != 0),
                identity: entry.identity)
            } else if entry.mode & 0o170000 == 0o040000 {
              try initramfs.add(entry.path, .directory)
            }
          }
        }
      }
    }

    /// The bytes of its busybox.
    func busybox() throws -> [UInt8] {
      var found: [UInt8]?
      let place: String
      switch self {
      case .folder(let path):
        place = path
        if FileTree.status("\(path)/bin/busybox") != nil {
          found = try InputFile("\(path)/bin/busybox").readAll(limit: StaticProgram.sizeLimit)
        }
      case .ramDisk(let path, _):
        place = path
        try inside(path) {
          try Self.forEachEntry(of: path) { entry, archive in
            guard entry.path == "bin/busybox", entry.isFile else { return }
            found = try archive.body(limit: StaticProgram.sizeLimit)
          }
        }
      }
      guard let found, !found.isEmpty else {
        throw KitError(
          .invalid, "\(place): has no bin/busybox", advice: "give a template that has it")
      }
      return found
    }

    private static func forEachEntry(
      of path: String, _ receive: (NewcEntry, NewcReader) throws -> Void
    ) throws {
      let (archive, _) = try RamDiskContent.archive(InputFile(path))
      while let entry = try archive.next() { try receive(entry, archive) }
    }
  }
}
