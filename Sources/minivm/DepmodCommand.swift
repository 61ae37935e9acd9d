import ArgumentParser
import Basics
import Formats
import Modules

struct DepmodCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "depmod",
    abstract: "Write modules.dep and its siblings, as kmod does.",
    discussion: """
      Reads the modules of ROOT/lib/modules/VER (or ROOT/usr/lib/modules/VER) and writes \
      modules.dep, modules.alias and their siblings beside them, the same bytes as kmod 30. \
      Links are followed; what is left out is a warning, and so is a module that can't be read. \
      Modules that depend on each other in a circle are an error, and nothing is written. Takes \
      kmod's options, and the kernel's `make modules_install` a link called depmod for DEPMOD.
      """)

  @Option(
    name: [.customShort("b"), .customLong("basedir")], parsing: .unconditional,
    help: ArgumentHelp("Folder that holds lib/modules.", valueName: "folder"),
    completion: .directory)
  var root = "/"

  @Option(
    name: .customLong("moduledir"), parsing: .unconditional,
    help: ArgumentHelp(
      "Folder of modules below the base folder (default: lib/modules); -m is the same.",
      valueName: "folder"))
  var moduleFolder: String?

  @Option(
    name: [.customShort("C"), .customLong("config")], parsing: .unconditionalSingleValue,
    help: ArgumentHelp(
      "Read rules from a file or a folder of *.conf files instead of the system's depmod.d; repeatable.",
      valueName: "path"),
    completion: .file())
  var configurationPaths: [String] = []

  @Option(
    name: .shortAndLong, parsing: .unconditional,
    help: ArgumentHelp(
      "Write to FOLDER/lib/modules/VER instead of the base folder.", valueName: "folder"),
    completion: .directory)
  var outdir: String?

  @Flag(
    name: [.customShort("a"), .customLong("all")],
    help: "Read all modules, even if files are named.")
  var isAll = false

  @Flag(
    name: [.customShort("A"), .customLong("quick")],
    help:
      "Write only if a module is newer than modules.dep, or was added or removed since.")
  var isQuick = false

  @Flag(
    name: [.customShort("n"), .customLong("dry-run"), .customLong("show")],
    help: "Print the text files instead of writing any file.")
  var isDryRun = false

  @Flag(
    name: [.customShort("v"), .customLong("verbose")],
    help: "Print each dependency between modules, with one symbol that causes it.")
  var isVerbose = false

  @Flag(
    name: [.customShort("e"), .customLong("errsyms")],
    help: "Warn about symbols that are missing or have another version; requires -E or -F."
  )
  var checksSymbols = false

  @Option(
    name: [.customShort("F"), .customLong("filesyms")], parsing: .unconditional,
    help: ArgumentHelp("System.map for -e (symbol names only).", valueName: "file"))
  var systemMap: String?

  @Option(
    name: [.customShort("E"), .customLong("symvers")], parsing: .unconditional,
    help: ArgumentHelp(
      "Module.symvers for -e (names and versions); overrides -F.", valueName: "file"))
  var symbolVersions: String?

  @Option(
    name: [.customShort("P"), .customLong("symbol-prefix")], parsing: .unconditional,
    help: ArgumentHelp(
      "Character that precedes symbols and is not part of their names.", valueName: "character"))
  var symbolPrefix: String?

  @Flag(
    name: [.customShort("w"), .customLong("warn")],
    help: "Accepted as by kmod; warnings are always printed.")
  var warns = false

  @Flag(name: .shortAndLong, help: "Suppress warnings.")
  var quiet = false

  @Flag(name: .customShort("V"), help: "Print the version.")
  var showsVersion = false

  // Old options that kmod passes over.
  @Flag(name: .customShort("u"), help: .hidden) var isOldU = false
  @Flag(name: .customShort("r"), help: .hidden) var isOldR = false
  @Flag(name: .customShort("m"), help: .hidden) var isOldM = false

  @OptionGroup var work: WorkOptions

  @Argument(
    help: ArgumentHelp(
      "Kernel release (default: this machine's), then absolute paths of modules if only those are read.",
      valueName: "ver"))
  var words: [String] = []

  func validate() throws {
    guard symbolPrefix.map({ $0.utf8.count == 1 }) ?? true else {
      throw ValidationError("-P takes one character")
    }
    for path in files where !path.hasPrefix("/") {
      throw ValidationError("module path \(path) is not absolute")
    }
  }

  private var named: String? { words.first.flatMap { $0.hasPrefix("/") ? nil : $0 } }
  private var files: [String] { Array(words.dropFirst(named == nil ? 0 : 1)) }

  func run() throws {
    if showsVersion {
      print("minivm \(ProgramVersion.current), compatible with depmod of kmod 30")
      return
    }
    let release = try KernelRelease(argument: named ?? Machine.kernelRelease)
    let symbolCheck = try symbolCheck()
    let tree = try ModuleTree(root: root, release: release, folder: moduleFolder)
    let configuration = DepmodConfiguration(
      paths: configurationPaths.isEmpty ? nil : configurationPaths, release: release)
    configuration.warnings.forEach(warn)
    if isQuick, files.isEmpty, try tree.isIndexed(configuration) { return }
    let modules =
      isAll || files.isEmpty
      ? try tree.modules(configuration, jobs: work.jobs, warn: warn)
      : try tree.modules(files: files)
    let index = try ModuleIndex(
      modules, lists: try tree.lists(), configuration: configuration, jobs: work.jobs)
    index.warnings.forEach(warn)
    if let symbolCheck {
      symbolCheck.warnings.forEach { warn("\(symbolVersions ?? ""): \($0)") }
      try symbolCheck.problems(of: index, contents: tree.contents).forEach {
        warn($0.hasPrefix("/") ? $0 : "\(tree.path)/\($0)")
      }
    }
    if isVerbose { try showSymbols(index, tree) }
    let indexes = try index.files(jobs: work.jobs)
    if isDryRun {
      for file in indexes where !file.name.hasSuffix(".bin") {
        try writeToStandardOutput(file.bytes)
      }
      return
    }
    try write(indexes, to: outdir.map { tree.path(below: $0) } ?? tree.path)
  }

  /// - Throws: `FormatError.io` when the file of symbols can't be read, even if there is nothing to check.
  private func symbolCheck() throws -> SymbolCheck? {
    let map = try systemMap.map { try InputFile($0).readAll(limit: SymbolCheck.sizeLimit) }
    let versions = try symbolVersions.map {
      try InputFile($0).readAll(limit: SymbolCheck.sizeLimit)
    }
    guard checksSymbols else { return nil }
    let prefix = symbolPrefix?.utf8.first
    if let versions { return SymbolCheck(moduleSymvers: versions, prefix: prefix) }
    if let map { return SymbolCheck(systemMap: map, prefix: prefix) }
    warn("-e has no effect without -E or -F")
    return nil
  }

  private func warn(_ text: String) {
    if !quiet { writeToStandardError("minivm: warning: \(text.visible)") }
  }

  /// As kmod says it.
  private func showSymbols(_ index: ModuleIndex, _ tree: ModuleTree) throws {
    func full(_ path: String) -> String { path.hasPrefix("/") ? path : "\(tree.path)/\(path)" }
    for (user, symbol, owner) in index.symbolUses {
      try writeToStandardOutput(
        Array("\(full(user)) needs \"\(symbol)\": \(full(owner))\n".utf8))
    }
  }

  private func write(_ files: [ModuleIndex.File], to folder: String) throws {
    try FileTree.withDirectories(folder) {
      let outputs = try OrderedWork.map(files, jobs: work.jobs) { file in
        let output = try OutputFile(replacing: "\(folder)/\(file.name)")
        try output.write(file.bytes, at: 0)
        return output
      }
      let lock = FolderLock(folder)
      defer { lock.unlock() }
      var transaction = FileTransaction()
      for output in outputs { transaction.add(output) }
      try transaction.commit(jobs: work.jobs)
    }
  }
}
