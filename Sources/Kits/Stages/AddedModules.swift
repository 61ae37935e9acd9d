internal import Basics
internal import Formats
internal import Modules

/// Modules that somebody built for a kernel, to go into `updates/` of its modules disk, where they outrank the
/// kernel's own of the same name.
struct AddedModules {
  private let release: KernelRelease
  private let files: [(name: String, file: InputFile, facts: ModuleFacts, modified: Int)]

  /// - Parameter paths: files called like modules, compressed or not.
  /// - Throws: `KitError.invalid` for what is no module; `FormatError.io` for what can't be read.
  init(_ paths: [String], for release: KernelRelease) throws {
    self.release = release
    files = try paths.map { path in
      let name = FileTree.name(of: path)
      guard ModuleName.isModuleFile(name) else {
        throw KitError(
          .invalid, "\(path): not a module's file name",
          advice: "give a .ko file, or a compressed one")
      }
      let file = try InputFile(path)
      let facts = ModuleFacts(readingFile: file, limit: ModuleTree.sizeLimit)
      if let problem = facts.problems.first { throw problem.inside(path) }
      guard !facts.values(of: "vermagic").isEmpty else {
        throw KitError(
          .invalid, "\(path): does not name the kernel that it is built for",
          advice: "give the .ko that the kernel's build made, not one of its object files")
      }
      return (name, file, facts, FileTree.status(path, followingLink: true)?.modified ?? 0)
    }
  }

  func add(to disk: ModulesDisk) throws {
    guard !files.isEmpty else { return }
    let modified = files.map(\.modified).max() ?? 0
    try disk.add(
      "updates",
      KernelSource.Entry(
        role: .moduleTree(release, "updates"), kind: .directory, mode: 0o755, size: 0,
        modified: modified), MemorySource([]))
    for (name, file, _, modified) in files {
      let below = "updates/\(name)"
      try inside(file.path) {
        try disk.add(
          below,
          KernelSource.Entry(
            role: .moduleTree(release, below), kind: .file, mode: 0o644, size: file.size,
            modified: modified), file.source(0..<file.size))
      }
      try file.checkUnchanged()
    }
  }

  /// Checks that the kernel takes them, as far as their files tell.
  /// - Parameter index: of all modules of the kernel, with these.
  /// - Throws: `KitError.invalid` for a module of another kernel, or one that needs a module that there is not.
  func check(in index: ModuleIndex) throws {
    let names = Set(files.map { ModuleName.name(ofPath: $0.name) })
    let own = index.modules.first { !names.contains($0.name) && !$0.vermagic.isEmpty }?.vermagic
    for (_, file, facts, _) in files {
      let magic = facts.vermagic
      let isRight =
        own.map { $0 == magic }
        ?? (magic.prefix { $0 != " " } == release.description)
      guard isRight else {
        throw KitError(
          .invalid,
          "\(file.path): has vermagic \(magic.quoted), and kernel \(release) takes \((own ?? release.description).quoted)",
          advice: "build it against the headers of \(release)")
      }
      for name in facts.values(of: "depends").flatMap({ $0.split(separator: UInt8(ascii: ",")) }) {
        let name = String(decoding: name, as: UTF8.self)
        guard index.position(of: name) != nil || index.isBuiltIn(name) else {
          throw KitError(
            .invalid, "\(file.path): needs module \(name.quoted), which kernel \(release) lacks",
            advice: "add that one with --add-module, too")
        }
      }
    }
  }
}

extension ModuleFacts {
  /// What the kernel compares with its own before it takes a module; empty where a module says nothing.
  fileprivate var vermagic: String {
    values(of: "vermagic").first.map {
      String(decoding: $0, as: UTF8.self).split(separator: " ").joined(separator: " ")
    } ?? ""
  }
}

extension ModuleIndex.Module {
  fileprivate var vermagic: String { facts.vermagic }
}
