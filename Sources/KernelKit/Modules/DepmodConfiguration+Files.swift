internal import Formats

extension DepmodConfiguration {
  /// Where the system keeps its rules; of files with one name the first folder's counts.
  public static let systemFolders = [
    "/etc/depmod.d", "/run/depmod.d", "/usr/local/lib/depmod.d", "/usr/lib/depmod.d",
    "/lib/depmod.d",
  ]

  /// Reads the rules of files, and of the `*.conf` files of folders, in the order of their names.
  /// - Parameter paths: nil for the system's own folders, of which none need be there.
  /// - Throws: `KitError.missing` for a path that is not there.
  public init(paths: [String]?, release: KernelRelease) throws {
    self.init()
    var files: [String: String] = [:]
    for path in paths ?? Self.systemFolders {
      switch FileTree.status(path, followingLink: true)?.kind {
      case .directory:
        for name in try FileTree.names(in: path)
        where name.hasSuffix(".conf") && !name.hasPrefix(".") && files[name] == nil {
          files[name] = "\(path)/\(name)"
        }
      case nil where paths == nil: break
      case nil: throw KitError(.missing, "there is no \(path)")
      default:
        let name = FileTree.name(of: path)
        if files[name] == nil { files[name] = path }
      }
    }
    for (_, path) in files.sorted(by: { $0.key.isBefore($1.key) }) {
      let text = try InputFile(path).readAll(limit: 1 << 20)
      read(String(decoding: text, as: UTF8.self), name: path, release: release)
    }
  }
}
