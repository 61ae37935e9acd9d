internal import Basics
internal import Formats

/// A folder whose content goes into every RAM disk that is made with it: init, and the programs that
/// init needs.
package struct TemplateFolder: Sendable {
  /// Where commands look for one that is not named.
  package static let defaultFolder = "ramdisk-template"
  /// The note that says where the programs came from. It is not for the RAM disk.
  package static let notesName = "SOURCES.json"

  /// What an update did.
  package struct Update: Sendable, Hashable {
    package var program: TemplateProgram
    /// Links to the program, in byte order; those with a name that the template has a file for are
    /// not among them.
    package var links: [String]
    /// Links that the earlier program needed, and this one does not.
    package var removedLinks: [String]
    /// What scripts of the template use and no longer have: `init: comm, tac`, a line for each script.
    package var lostPrograms: [String] = []
  }

  private struct Notes: Codable {
    var programs: [TemplateProgram]
  }

  package let folder: String
  private var notesPath: String { "\(folder)/\(Self.notesName)" }

  /// - Throws: `KitError.missing` when there is no such folder.
  package init(_ folder: String) throws {
    guard FileTree.isDirectory(folder) else {
      throw KitError(
        .missing, "\(folder): no such folder",
        advice: "give the folder that holds the initramfs's init")
    }
    self.folder = folder
  }

  /// The SHA-256 of what goes from it into a RAM disk.
  func digest() throws -> String {
    var content = Initramfs()
    try content.addTemplate(folder)
    return try content.digest()
  }

  /// Where the programs came from, as far as it was noted.
  /// - Throws: `KitError.invalid` for a note that can't be read.
  package func programs() throws -> [TemplateProgram] {
    guard FileTree.status(notesPath, followingLink: true) != nil else { return [] }
    let bytes = try InputFile(notesPath).readAll(limit: 1 << 20)
    do {
      return try JSON.decode(Notes.self, from: bytes).programs
    } catch is DecodingError {
      throw KitError(
        .invalid, "\(notesPath): was not written by minivm",
        advice: "remove it; updating the programs writes it again")
    }
  }

  /// Of the programs that were noted those that are still there, with the SHA-256 in their notes.
  func unchangedPrograms() throws -> [TemplateProgram] {
    let lock = FolderLock(folder, isShared: true)
    defer { lock.unlock() }
    return try programs().filter { program in
      let path = "\(folder)/\(program.path)"
      guard FileTree.status(path, followingLink: true)?.kind == .file else { return false }
      return try Digest.sha256(of: InputFile(path)) == program.sha256
    }
  }

  /// Puts a program, its links and its note in place of what was there. The user's own files and
  /// links stay, also hard links to the earlier program in other folders than its own. All of it
  /// happens, or nothing. Waits for those who read or update the template.
  /// - Parameter isForced: also where a script of the template uses a name that the new program lacks.
  /// - Throws: `KitError.invalid` for such a script, unless it is forced; nothing has changed then.
  @discardableResult
  package func update(
    _ tool: TemplateTool, _ provided: TemplateTool.Provided, isForced: Bool = false
  ) throws -> Update {
    let lock = FolderLock(folder)
    defer { lock.unlock() }
    let destination = try place(of: tool)
    let before = FileTree.status(destination)
    guard before == nil || before?.kind == .directory else {
      throw KitError(.invalid, "\(destination): is not a folder")
    }
    let wanted = try tool.linkNames(provided.program)
    let unneeded = try staleNames(tool, wanted: Set(wanted))
    let lost = try lostPrograms(tool, stale: unneeded, wanted: Set(wanted))
    guard lost.isEmpty || isForced else {
      throw KitError(
        .invalid,
        "\(folder): scripts use programs that \(provided.note.title) lacks (\(lost.joined(separator: "; ")))",
        advice: "use a \(tool.rawValue) that has them, change the scripts, or add --force")
    }
    var update = Update(
      program: provided.note, links: [], removedLinks: [], lostPrograms: lost)

    let staging = try StagingDirectory(in: folder)
    let staged = "\(staging.path)/\(tool.folder)"
    try FileTree.makeDirectory(staged)
    // Other names of the earlier program, as `busybox --install` makes them, are links to it, too.
    let earlier = FileTree.status("\(destination)/\(tool.rawValue)")?.identity
    var copied: [FileIdentity: String] = [:]
    for name in before == nil ? [] : try FileTree.names(in: destination) where name != tool.rawValue
    {
      let path = "\(destination)/\(name)"
      let isOtherName = earlier != nil && FileTree.status(path)?.identity == earlier
      if try isOtherName || isLink(path, to: tool.rawValue) {
        if unneeded.contains(name) {
          update.removedLinks.append(name)
        } else {
          try FileTree.makeLink("\(staged)/\(name)", to: tool.rawValue)
        }
      } else {
        try copyTree(path, to: "\(staged)/\(name)", &copied)
      }
    }
    try OutputFile.write(
      provided.program.bytes, to: "\(staged)/\(tool.rawValue)", mode: 0o755)
    for name in wanted {
      let path = "\(staged)/\(name)"
      if FileTree.status(path) == nil { try FileTree.makeLink(path, to: tool.rawValue) }
      if try isLink(path, to: tool.rawValue) { update.links.append(name) }
    }
    if let before {
      try FileTree.setAttributes(staged, mode: before.mode, seconds: before.modified)
    }

    let notes = try OutputFile(replacing: notesPath)
    let all = try self.programs().filter { $0.path != tool.path } + [provided.note]
    try notes.write(JSON.encode(Notes(programs: all.sorted { $0.path < $1.path })), at: 0)
    var transaction = FileTransaction()
    transaction.add(tool.folder, of: staging, at: destination)
    transaction.add(notes)
    try transaction.commit()
    return update
  }

  /// The folder of a program. A link may lead to another folder of the template: `sbin` to `bin`.
  private func place(of tool: TemplateTool) throws(KitError) -> String {
    let path = "\(folder)/\(tool.folder)"
    guard FileTree.status(path)?.kind == .symbolicLink else { return path }
    guard let root = FileTree.realPath(folder), let target = FileTree.realPath(path),
      target.hasPrefix(root + "/")
    else {
      throw KitError(
        .invalid, "\(path): is a link, but not to another folder of the template",
        advice: "replace it with a folder, or create its target")
    }
    return target
  }

  /// Names that the program in the template answers to, and the new one does not.
  private func staleNames(_ tool: TemplateTool, wanted: Set<String>) throws -> Set<String> {
    let path = "\(folder)/\(tool.path)"
    guard let status = FileTree.status(path, followingLink: true), status.kind == .file,
      status.size <= StaticProgram.sizeLimit
    else { return [] }
    let old = try InputFile(path).readAll(limit: StaticProgram.sizeLimit)
    // What is no such program has links that nobody knows: they stay.
    guard let program = try? StaticProgram(old), let names = try? tool.linkNames(program) else {
      return []
    }
    return Set(names).subtracting(wanted)
  }

  private func isLink(_ path: String, to target: String) throws -> Bool {
    guard FileTree.status(path)?.kind == .symbolicLink else { return false }
    return try FileTree.linkTarget(path) == target
  }

  /// - Parameter copied: files with several names, and the copy of each.
  private func copyTree(
    _ path: String, to copy: String, _ copied: inout [FileIdentity: String]
  ) throws {
    guard let status = FileTree.status(path) else {
      throw FormatError.system("can't be examined", path: path)
    }
    switch status.kind {
    case .symbolicLink: return try FileTree.makeLink(copy, to: FileTree.linkTarget(path))
    case .file:
      if let other = copied[status.identity] {
        return try FileTree.makeName(copy, ofFile: other)
      }
      if status.links > 1 { copied[status.identity] = copy }
      try FileTree.copy(path, to: copy)
    case .directory:
      try FileTree.makeDirectory(copy)
      for name in try FileTree.names(in: path) {
        try copyTree("\(path)/\(name)", to: "\(copy)/\(name)", &copied)
      }
    case .other: throw KitError(.invalid, "\(path): is neither a file, a folder nor a link")
    }
    try FileTree.setAttributes(copy, mode: status.mode, seconds: status.modified)
  }
}
