internal import Basics
internal import Formats
package import Modules

extension RamDisk {
  /// What a RAM disk has beside modules.
  package enum Template: Sendable, Hashable {
    /// A folder with `init` and what it needs.
    case folder(String)
    /// Another RAM disk, without the modules of its kernel.
    case ramDisk(String, KernelRelease)

    func add(to initramfs: inout Initramfs) throws {
      switch self {
      case .folder(let path): try initramfs.addTemplate(path)
      case .ramDisk(let path, let release):
        let tree = "lib/modules/\(release)"
        let isLeftOut = { (path: String) in
          path == tree || path.hasPrefix(tree + "/") || path == "etc/modules.autoload"
        }
        let content = try Self.content(of: path) { isLeftOut($0) }
        for (path, node) in content.entries.sorted(by: { $0.key.isBefore($1.key) })
        where !isLeftOut(path) && !path.isEmpty {
          if let target = node.target {
            try initramfs.add(path, .symbolicLink(target: target))
          } else if node.isFile {
            try initramfs.add(
              path, .file(node.content ?? [], isExecutable: node.mode & 0o111 != 0),
              identity: content.number(of: path).map {
                FileIdentity(device: 0, inode: UInt64($0))
              })
          } else if node.isDirectory {
            try initramfs.add(path, .directory)
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
        found = try Self.content(of: path) { FileTree.name(of: $0) != "busybox" }
          .node("bin/busybox")?.content
      }
      guard let found, !found.isEmpty else {
        throw KitError(
          .invalid, "\(place): has no bin/busybox", advice: "give a template that has it")
      }
      return found
    }

    /// - Parameter isLeftOut: whose bytes are not kept, unless they have other names.
    private static func content(
      of path: String, without isLeftOut: (_ path: String) -> Bool
    ) throws -> InitramfsTree<[UInt8]> {
      let file = try InputFile(path)
      return try inside(path) {
        let reader = try InitramfsReader(file)
        return try InitramfsTree(reading: reader) { path, entry in
          isLeftOut(path) && entry.identity == nil ? [] : try reader.body(limit: 1 << 28)
        }
      }
    }
  }
}
