internal import Formats

extension DepmodConfiguration {
  /// Where the system keeps its rules; of files with one name the first folder's counts.
  package static let systemFolders = [
    "/etc/depmod.d", "/run/depmod.d", "/usr/local/lib/depmod.d", "/usr/lib/depmod.d",
    "/lib/depmod.d",
  ]

  /// Reads the rules of files, and of the `*.conf` files of folders, in the order of their names. As with kmod,
  /// what can't be read is a warning.
  /// - Parameter paths: nil for the system's own folders, of which none need be there.
  package init(paths: [String]?, release: KernelRelease) {
    self.init()
    var files: [String: String] = [:]
    for path in paths ?? Self.systemFolders {
      switch FileTree.status(path, followingLink: true)?.kind {
      case .directory: add(folder: path, to: &files)
      case nil:
        if paths != nil { warnings.append("\(path): no such file or folder of rules") }
      default:
        let name = FileTree.name(of: path)
        if files[name] == nil { files[name] = path }
      }
    }
    for (_, path) in files.sorted(by: { $0.key.isBefore($1.key) }) {
      do {
        // Of a device there is but /dev/null, by which a file of the system's is masked.
        guard FileTree.realPath(path) != "/dev/null" else { continue }
        let text = try InputFile.contents(of: path, limit: Self.sizeLimit)
        read(String(decoding: text, as: UTF8.self), name: path, release: release)
      } catch {
        warnings.append("\(error)")
      }
    }
  }

  /// The most bytes of a file of rules.
  private static let sizeLimit = 1 << 20

  private mutating func add(folder: String, to files: inout [String: String]) {
    do {
      for name in try FileTree.names(in: folder)
      where name.hasSuffix(".conf") && !name.hasPrefix(".") && files[name] == nil {
        let path = "\(folder)/\(name)"
        let kind = FileTree.status(path, followingLink: true)?.kind
        // Nobody may ever write to a pipe that lies there.
        switch kind {
        case .file: files[name] = path
        case .other where FileTree.realPath(path) == "/dev/null": files[name] = path
        case nil: warnings.append("\(path): skipped: dangling link")
        case .directory: warnings.append("\(path): skipped: is a folder")
        default: warnings.append("\(path): skipped: neither a file nor a folder")
        }
      }
    } catch {
      warnings.append("\(error)")
    }
  }
}
