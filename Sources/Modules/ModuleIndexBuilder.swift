internal import Basics
package import Formats
internal import Synchronization

/// Makes an index of modules that come one after the other, as files or as bytes that stream by: they are looked into
/// on all cores.
package final class ModuleIndexBuilder {
  /// How modules that are files are read.
  package enum Reading: Sendable {
    /// All that they say. One that can't be unpacked is an error.
    case whole
    /// What they say in `.modinfo`: their symbols are not looked at.
    case information
    /// All that they say, as depmod(8) reads it: what is wrong with one is noted in its facts.
    case tolerant
  }

  private struct Module: Sendable {
    enum Content: Sendable {
      case bytes([UInt8])
      case file(path: String)
    }

    var path: String
    var content: Content
  }

  /// What was looked into, in the order in which it came.
  private final class Found: Sendable {
    let modules = Mutex<[(path: String, facts: ModuleFacts)]>([])
  }

  private let found = Found()
  private let work: OrderedWork<[Module], [(path: String, facts: ModuleFacts)]>
  /// The one that is being read.
  private var module: (path: String, bytes: [UInt8])?
  /// Files that are looked into together: handing over a single one costs about as much as looking into one
  /// that is not compressed.
  private var files: [Module] = []
  private var moduleCount = 0
  /// Modules that are other names of earlier ones.
  private var links: [(path: String, earlier: String)] = []
  private var lists = ModuleIndex.BuildLists()
  /// The newest time of the entries that were handed over, in seconds since 1970; that of the tree itself
  /// tells when depmod was run.
  package private(set) var newest = 0

  /// Makes a builder that has no modules yet.
  /// - Parameters:
  ///   - jobs: cores that may be at work.
  ///   - reading: how much of each module is read.
  ///   - limits: what all modules together may cost.
  package init(
    jobs: Int, reading: Reading = .whole, limits: ModuleLimits = ModuleLimits()
  ) {
    work = OrderedWork(
      jobs: jobs,
      work: { modules in
        try modules.map { module in
          let facts =
            switch module.content {
            case .bytes(let bytes): try Self.facts(ofModule: bytes, module.path, reading, limits)
            case .file(let path): try Self.facts(of: InputFile(path), module.path, reading, limits)
            }
          try limits.count(facts, of: module.path)
          return (module.path, facts)
        }
      },
      commit: { [found] some in found.modules.withLock { $0 += some } })
  }

  /// Takes note of a path of the tree.
  /// - Parameters:
  ///   - size: of a file, in bytes.
  ///   - modified: seconds since 1970.
  /// - Returns: the path's bytes, which are to be read before the next call.
  /// - Throws: `FormatError.limit` for modules that are too many or too large, and what is wrong with earlier ones.
  package func collect(
    _ below: String, isFile: Bool, size: Int, modified: Int, _ body: any ByteSource
  ) throws -> any ByteSource {
    try finishModule()
    if !below.isEmpty { newest = max(newest, modified) }
    guard isFile else { return body }
    let list: WritableKeyPath<ModuleIndex.BuildLists, [UInt8]?>? =
      switch below {
      case "modules.order": \.order
      case "modules.builtin": \.builtin
      case "modules.builtin.modinfo": \.builtinInformation
      default: nil
      }
    guard list != nil || ModuleTreePath.isModule(below) else { return body }
    try Self.check(size: size, of: below)
    if let list {
      lists[keyPath: list] = []
      return ObservedSource(body) { [self] in lists[keyPath: list]?.append(contentsOf: $0) }
    }
    try countModule(below)
    module = (below, [])
    return ObservedSource(body) { [self] in module?.bytes += $0 }
  }

  /// Takes note of a module of the tree that is a file. Of one that is not compressed only what it says of
  /// itself is read.
  /// - Parameter path: where it is.
  /// - Throws: `FormatError` for what can't be read, or is too much.
  package func collect(_ below: String, file path: String) throws {
    try countModule(below)
    files.append(Module(path: below, content: .file(path: path)))
    // One that is compressed takes as long as many that are not.
    if files.count == 32 || !below.hasSuffix(ModuleName.suffixes[0]) { try finishFiles() }
  }

  private func finishFiles() throws {
    try work.submit(files)
    files = []
  }

  /// Takes note of a module whose bytes are at hand.
  /// - Throws: `FormatError.limit` for modules that are too many or too large, and what is wrong with earlier ones.
  package func collect(_ below: String, bytes: [UInt8]) throws {
    try finishModule()
    try countModule(below)
    try work.submit([Module(path: below, content: .bytes(bytes))])
  }

  /// Takes note of another name of a file that was collected.
  /// - Throws: `FormatError.limit` for modules that are too many.
  package func collect(_ below: String, linkedTo earlier: String) throws {
    guard ModuleTreePath.isModule(below) else { return }
    try countModule(below)
    links.append((below, earlier))
  }

  private func countModule(_ path: String) throws(FormatError) {
    moduleCount += 1
    try ModuleTree.check(count: moduleCount, path)
  }

  private static func check(size: Int, of path: String) throws(FormatError) {
    guard size <= ModuleTree.sizeLimit else {
      throw FormatError(
        .limit, "\(size) bytes are more than \(ModuleTree.sizeLimit)", path: [path])
    }
  }

  private static func facts(
    ofModule bytes: [UInt8], _ path: String, _ reading: Reading, _ limits: ModuleLimits
  ) throws -> ModuleFacts {
    // A module that says nothing would be one that nobody needs: RAM disks would lack it.
    let bytes = try inside(path) {
      try Compression.decompress(bytes, limit: ModuleTree.sizeLimit)
    }
    try limits.countUnpacked(bytes.count, of: path)
    return facts(from: bytes, reading)
  }

  private static func facts(
    of file: InputFile, _ path: String, _ reading: Reading, _ limits: ModuleLimits
  ) throws -> ModuleFacts {
    if reading == .tolerant {
      return try checked(ModuleFacts(readingFile: file, limit: ModuleTree.sizeLimit))
    }
    try check(size: file.size, of: path)
    let begun = try BegunBytes(file)
    guard Compression.detect(begun.start) == .none else {
      let bytes = Array(try begun.bytes(in: 0..<begun.byteCount))
      try file.checkUnchanged()
      return try facts(ofModule: bytes, path, reading, limits)
    }
    try limits.countUnpacked(file.size, of: path)
    let facts = try checked(facts(from: begun, reading))
    try file.checkUnchanged()
    return facts
  }

  /// A disk that fails is no property of the module.
  private static func checked(_ facts: ModuleFacts) throws -> ModuleFacts {
    if let failure = facts.problems.first(where: { $0.kind == .io }) { throw failure }
    return facts
  }

  private static func facts(
    from bytes: some RandomAccessBytes, _ reading: Reading
  ) -> ModuleFacts {
    reading == .information
      ? ModuleFacts(readingInformation: bytes) : ModuleFacts(reading: bytes)
  }

  /// The module that is being read has passed: it is looked into.
  private func finishModule() throws {
    guard let complete = module else { return }
    module = nil
    try work.submit([Module(path: complete.path, content: .bytes(complete.bytes))])
  }

  /// The index of all that was collected.
  /// - Parameter given: instead of the tree's own lists.
  /// - Throws: `KitError.invalid` for modules that need each other in a circle, `FormatError` for what can't be read.
  package func index(lists given: ModuleIndex.BuildLists? = nil) throws -> ModuleIndex {
    try ModuleIndex(modules(), lists: given ?? lists)
  }

  /// All that were collected, by path.
  /// - Throws: `FormatError` for what can't be read, or is too much.
  package func modules() throws -> [(path: String, facts: ModuleFacts)] {
    try finishModule()
    try finishFiles()
    try work.finish()
    var modules = found.modules.withLock { $0 }
    if !links.isEmpty {
      var facts = Dictionary(modules, uniquingKeysWith: { first, _ in first })
      for link in links {
        guard let linked = facts[link.earlier] else { continue }
        facts[link.path] = linked
        modules.append((link.path, linked))
      }
    }
    return modules
  }
}
