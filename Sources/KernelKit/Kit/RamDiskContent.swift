public import Formats

/// What is in an initramfs that was made for a kernel.
public struct RamDiskContent: Sendable {
  public struct File: Sendable, Hashable {
    /// Bytes.
    public var size: Int
    /// Nil for what is no symbolic link.
    public var target: String?
  }

  /// The most bytes that a RAM disk unpacks to: what a machine that boots from it has to have in
  /// memory. All modules of bookworm's full kernel have 0.4 GB.
  private static let contentLimit = 1 << 31

  public let compression: Compression
  /// Files and links, by path.
  public let files: [String: File]
  /// The modules as the guest's modprobe sees them: what modules.dep lists.
  public let index: ModuleIndex
  /// Bytes of modules, by path below the tree, where they were asked for.
  private let bytes: [String: [UInt8]]
  let busybox: [UInt8]
  private let tree: String

  /// - Parameter keepingModules: whether the modules' bytes are kept for `contents(of:)`.
  public init(_ path: String, _ release: KernelRelease, keepingModules: Bool = false) throws {
    let file = try InputFile(path)
    let (archive, compression) = try Self.archive(file)
    let tree = "lib/modules/\(release)/"
    var files: [String: File] = [:]
    var bytes: [String: [UInt8]] = [:]
    var busybox: [UInt8] = []
    var texts: [String: [UInt8]] = [:]
    try inside(path) {
      while let entry = try archive.next() {
        let target =
          entry.isSymbolicLink
          ? String(decoding: try archive.body(limit: 1 << 16), as: UTF8.self) : nil
        if entry.isFile || target != nil {
          files[entry.path] = File(size: entry.size, target: target)
        }
        guard entry.isFile else { continue }
        if entry.path == "bin/busybox" {
          busybox = try archive.body(limit: 64 << 20)
        } else if entry.path.hasPrefix(tree) {
          let below = String(entry.path.dropFirst(tree.count))
          if ModuleName.isModuleFile(below) {
            if keepingModules { bytes[below] = try archive.body(limit: ModuleTree.sizeLimit) }
          } else if !below.contains("/"), !below.hasSuffix(".bin") {
            texts[below] = try archive.body(limit: ModuleTree.sizeLimit)
          }
        }
      }
    }
    (self.compression, self.tree, self.files) = (compression, tree, files)
    (self.bytes, self.busybox) = (bytes, busybox)
    index = try ModuleIndex(reading: ModuleIndex.Texts { texts[$0] })
  }

  /// A RAM disk's entries, and how it is compressed.
  static func archive(_ file: InputFile) throws -> (NewcReader, Compression) {
    let compression = Compression.detect(try file.read(at: 0, count: 6))
    let source = try inside(file.path) { try compression.decode(file.source(0..<file.size)) }
    let limited = LimitedSource(source, limit: contentLimit, compressedSize: file.size)
    return (NewcReader(limited), compression)
  }

  /// Whether a module that modules.dep lists is really there.
  public func hasFile(of module: ModuleIndex.Module) -> Bool {
    files[tree + module.path] != nil
  }

  /// Bytes of a module that is there, where they were asked for.
  func contents(of module: ModuleIndex.Module) -> [UInt8]? { bytes[module.path] }

  /// Names of the modules that are there.
  var moduleNames: Set<String> { Set(index.modules.filter(hasFile).map(\.name)) }
  /// Below lib/modules/VER.
  var modulePaths: [String] { index.modules.filter(hasFile).map(\.path) }
}
