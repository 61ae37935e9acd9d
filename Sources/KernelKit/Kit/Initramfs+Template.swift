internal import Formats

extension Initramfs {
  /// Files of a template that are about it, not for the guest.
  private static let notesOfTemplates: Set<String> = [
    RamdiskTemplate.notesName, "README.md", ".gitignore",
  ]
  /// The most bytes of a file in a template.
  private static let fileLimit = 1 << 30

  /// Adds what a template folder holds. Of modes, only whether a file is executable counts: the
  /// others differ with the umask that it was made under.
  /// - Throws: `KitError.missing` when there is no such folder, `.invalid` when it has no init.
  public mutating func addTemplate(_ folder: String) throws {
    guard FileTree.isDirectory(folder) else {
      throw KitError(
        .missing, "\(folder): there is no such folder",
        advice: "give the folder of a RAM disk's template, such as ramdisk-template")
    }
    guard FileTree.status("\(folder)/init") != nil else {
      throw KitError(
        .invalid, "\(folder): has no init, which the kernel would start",
        advice: "copy it from minivm's own ramdisk-template")
    }
    for name in try FileTree.names(in: folder) where !Self.notesOfTemplates.contains(name) {
      try addTemplate(name, in: folder)
    }
  }

  private mutating func addTemplate(_ below: String, in folder: String) throws {
    let path = "\(folder)/\(below)"
    guard let status = FileTree.status(path) else {
      throw FormatError.system("can't be examined", path: path)
    }
    switch status.kind {
    case .directory:
      try add(below, .directory)
      for name in try FileTree.names(in: path) { try addTemplate("\(below)/\(name)", in: folder) }
    case .file:
      let bytes = try InputFile(path).readAll(limit: Self.fileLimit)
      try add(below, .file(bytes, isExecutable: status.mode & 0o111 != 0))
    case .symbolicLink: try add(below, .symbolicLink(target: FileTree.linkTarget(path)))
    case .other: throw KitError(.invalid, "\(path): is neither file, folder nor link")
    }
  }
}
