package import Formats
package import Modules

/// What a kernel has after it unpacked an initramfs that was made for it.
package struct RamDiskContent: Sendable {
  /// A file of the initramfs, as the kernel has it after it unpacked all archives.
  package struct File: Sendable, Hashable {
    /// Bytes.
    package var size: Int
    /// Nil for what is no symbolic link.
    package var target: String?
    /// The archive of the initramfs that it is from, counted from 1.
    package var archive = 1
  }

  /// The most bytes of all files that may have several names, which are kept until all names are known.
  private static let linkedLimit = 1 << 28

  /// The archives' forms, in their order.
  package let parts: [InitramfsReader.Part]
  /// How many archives there are.
  package let archives: Int
  /// Files and links, by path.
  package let files: [String: File]
  /// The modules as the guest's modprobe sees them: what modules.dep lists.
  package let index: ModuleIndex
  /// Why the kernel can't start `/init`, or nobody can say what it does; nil where neither is so.
  package let initProblem: String?
  /// Bytes of modules, by path below the tree, where they were asked for.
  private let bytes: [String: [UInt8]]
  let busybox: [UInt8]
  /// What its shell scripts run and nothing in it answers to: `init: comm, tac`, a line for each script.
  let lackingPrograms: [String]
  private let tree: String

  /// - Parameter keepingModules: whether the modules' bytes are kept for `contents(of:)`.
  /// - Throws: `FormatError` for an initramfs that can't be read.
  package init(_ path: String, _ release: KernelRelease, keepingModules: Bool = false) throws {
    let file = try InputFile(path)
    let folder = "lib/modules/\(release)"
    let (reader, content) = try Formats.inside(path) {
      let reader = try InitramfsReader(file)
      var linked = 0
      var texts = 0
      // Links may lead to the folder by another path.
      let content = try InitramfsTree<[UInt8]>(reading: reader) { path, entry in
        if entry.identity != nil || FileTree.name(of: path) == "busybox" {
          linked += entry.size
          guard linked <= Self.linkedLimit else {
            throw FormatError(
              .limit, "more than \(Self.linkedLimit) bytes of files with several names")
          }
          return try reader.body(limit: linked)
        }
        if entry.size <= TemplatePrograms.scriptLimit, !path.contains("modules/\(release)/") {
          let bytes = try reader.body(limit: entry.size)
          guard bytes.starts(with: "#!".utf8), texts + bytes.count <= Self.linkedLimit else {
            return []
          }
          texts += bytes.count
          return bytes
        }
        let isWanted = keepingModules || !ModuleName.isModuleFile(path)
        guard path.contains("modules/\(release)/"), !path.hasSuffix(".bin"), isWanted else {
          return []
        }
        return try reader.body(limit: ModuleTree.sizeLimit)
      }
      return (reader, content)
    }
    let tree = (content.realPath(folder) ?? folder) + "/"
    var files: [String: File] = [:]
    var bytes: [String: [UInt8]] = [:]
    var texts: [String: [UInt8]] = [:]
    let entries = content.entries
    for (path, node) in entries where node.isFile || node.isSymbolicLink {
      files[path] = File(size: node.size, target: node.target, archive: node.archive)
      guard node.isFile, path.hasPrefix(tree) else { continue }
      let below = String(path.dropFirst(tree.count))
      if ModuleName.isModuleFile(below) {
        if keepingModules { bytes[below] = node.content ?? [] }
      } else if !below.contains("/"), !below.hasSuffix(".bin") {
        texts[below] = node.content ?? []
      }
    }
    parts = reader.parts
    archives = entries.values.map(\.archive).max() ?? 0
    (self.tree, self.files, self.bytes) = (tree, files, bytes)
    busybox = content.node("bin/busybox")?.content ?? []
    lackingPrograms = Self.lackingPrograms(content)
    initProblem = Self.initProblem(content)
    index = try ModuleIndex(reading: ModuleIndex.Texts { texts[$0] })
  }

  /// The kernel starts `/init` where there is one that can be executed; else it goes on as without an initramfs.
  private static func initProblem(_ content: InitramfsTree<[UInt8]>) -> String? {
    guard let node = content.node("init"), node.isFile else {
      return "the initramfs has no /init"
    }
    guard node.mode & 0o111 != 0 else { return "the initramfs's /init is not executable" }
    guard let path = ["init", "bin/busybox", "bin/sh"].first(where: content.isReplaced) else {
      return nil
    }
    let archive = content.node(path)?.archive ?? 0
    return
      "archive \(archive) of the initramfs replaces /\(path), so it is unknown how root is mounted"
  }

  private static func lackingPrograms(_ content: InitramfsTree<[UInt8]>) -> [String] {
    let busybox = TemplatePrograms.busyboxPaths.lazy.compactMap { content.node($0)?.content }.first
    guard let busybox, var programs = TemplatePrograms(busybox: busybox) else { return [] }
    for (path, node) in content.entries where node.isFile || node.isSymbolicLink {
      programs.add(path, target: node.target, size: node.size) { node.content ?? [] }
    }
    return programs.lacking
  }

  /// How its files are compressed; of several forms, the last.
  package var compression: Compression {
    parts.last { $0.compression != .none }?.compression ?? .none
  }

  /// Whether a module that modules.dep lists is really there.
  package func hasFile(of module: ModuleIndex.Module) -> Bool {
    files[tree + module.path] != nil
  }

  /// Bytes of a module that is there, where they were asked for.
  func contents(of module: ModuleIndex.Module) -> [UInt8]? { bytes[module.path] }

  /// Names of the modules that are there.
  var moduleNames: Set<String> { Set(index.modules.filter(hasFile).map(\.name)) }
  /// Below lib/modules/VER.
  var modulePaths: [String] { index.modules.filter(hasFile).map(\.path) }
}
