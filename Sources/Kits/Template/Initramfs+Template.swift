internal import Basics
internal import Formats

extension Initramfs {
  /// Files of a template that are about it, not for the guest.
  private static let notesOfTemplates: Set<String> = [
    TemplateFolder.notesName, "README.md", ".gitignore",
  ]
  /// The most bytes of a file in a template.
  private static let fileLimit = 1 << 30

  /// Adds what a template folder holds. Of modes, only whether a file is executable counts: the
  /// others differ with the umask that it was made under.
  /// - Throws: `KitError.missing` when there is no such folder, `.invalid` when it has no init that
  ///   the kernel can start.
  package mutating func addTemplate(_ folder: String) throws {
    guard FileTree.isDirectory(folder) else {
      throw KitError(
        .missing, "\(folder): no such folder",
        advice: "give an initramfs template, such as ramdisk-template")
    }
    let lock = FolderLock(folder, isShared: true)
    defer { lock.unlock() }
    guard FileTree.status("\(folder)/init") != nil else {
      throw KitError(
        .invalid, "\(folder): has no init",
        advice: "copy it from minivm's own ramdisk-template")
    }
    for name in try Self.names(in: folder) where !Self.notesOfTemplates.contains(name) {
      try addTemplate(name, in: folder)
    }
    try checkInit(of: folder)
  }

  /// Without what an update has not finished.
  private static func names(in folder: String) throws -> [String] {
    try FileTree.names(in: folder).filter { !TemporaryPaths.isTemporary($0) }
  }

  /// An init that can't be started is a panic without a reason.
  private func checkInit(of folder: String) throws {
    guard case .file(let bytes, let isExecutable)? = entries["init"] else { return }
    guard isExecutable else {
      throw KitError(
        .invalid, "\(folder)/init: is not executable", advice: "chmod +x \(folder)/init")
    }
    guard bytes.starts(with: "#!".utf8) else { return }
    let line = bytes.dropFirst(2).prefix { $0 != 0x0a }
    guard line.last != 0x0d else {
      throw KitError(
        .invalid, "\(folder)/init: has Windows line endings, so the kernel can't start it",
        advice: "sed -i 's/\\r$//' \(folder)/init")
    }
    let words = String(decoding: line, as: UTF8.self).split(whereSeparator: \.isWhitespace)
    guard let interpreter = words.first, interpreter.hasPrefix("/") else { return }
    guard hasEntry(String(interpreter.dropFirst())) else {
      throw KitError(
        .invalid, "\(folder)/init: needs \(interpreter), which the template lacks",
        advice: "put busybox into it with `minivm update-busybox \(folder)`")
    }
  }

  /// Whether there is something at a path, or at a link on the way to it.
  private func hasEntry(_ path: String) -> Bool {
    var path = path
    while path != "." {
      if case .symbolicLink? = entries[path] { return true }
      if entries[path] != nil { return entries[path] != .directory }
      path = FileTree.parent(of: path)
    }
    return false
  }

  /// What its shell scripts run and neither its busybox nor another program of it answers to: `init: comm, tac`,
  /// a line for each script; none without a busybox.
  package var lackingPrograms: [String] {
    let busybox = TemplatePrograms.busyboxPaths.lazy.compactMap { path -> [UInt8]? in
      guard case .file(let bytes, _)? = entries[path] else { return nil }
      return bytes
    }.first
    guard let busybox, var programs = TemplatePrograms(busybox: busybox) else { return [] }
    for (path, content) in entries {
      switch content {
      case .directory: break
      case .symbolicLink(let target): programs.add(path, target: target, size: 0) { [] }
      case .file(let bytes, _): programs.add(path, target: nil, size: bytes.count) { bytes }
      }
    }
    return programs.lacking
  }

  private mutating func addTemplate(_ below: String, in folder: String) throws {
    let path = "\(folder)/\(below)"
    guard let status = FileTree.status(path) else {
      throw FormatError.system("can't be examined", path: path)
    }
    switch status.kind {
    case .directory:
      try add(below, .directory)
      for name in try Self.names(in: path) { try addTemplate("\(below)/\(name)", in: folder) }
    case .file:
      let bytes = try InputFile(path).readAll(limit: Self.fileLimit)
      try add(
        below, .file(bytes, isExecutable: status.mode & 0o111 != 0),
        identity: status.links > 1 ? status.identity : nil)
    case .symbolicLink: try add(below, .symbolicLink(target: FileTree.linkTarget(path)))
    case .other:
      // Devices are made by the kernel (devtmpfs), and the first of them by minivm.
      if below.hasPrefix("dev/") { return }
      throw KitError(
        .invalid, "\(path): is neither a file, a folder nor a link",
        advice: "remove it; the kernel makes device nodes")
    }
  }
}
