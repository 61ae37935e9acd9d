package import Basics
internal import Formats

/// Goes from what lists name to all that has to come with it.
package struct SelectionWalk {
  private let index: ModuleIndex
  /// Paths without the suffixes of compression.
  private let paths: [[UInt8]]
  private let builtinPaths: [[UInt8]]
  /// What the lists' devices and names stand for.
  private let search: AliasSearch
  private var reasons: [Int: [ModuleSelection.Reason]] = [:]
  private(set) var builtin: [ModuleSelection.Absence] = []
  private(set) var missing: [ModuleSelection.Absence] = []
  private(set) var problems: [KitError] = []

  /// - Parameters:
  ///   - lists: all that will be added.
  ///   - autoload: the list of what is to be loaded first.
  /// - Throws: `KitError.invalid` for profiles that take each other in, `.usage` for one that there is not.
  package init(_ index: ModuleIndex, for lists: [ModuleList], autoload: ModuleList) throws(KitError)
  {
    self.index = index
    paths = index.modules.map { Array(ModuleName.uncompressed($0.path).utf8) }
    builtinPaths = ModuleIndex.lines(index.lists.builtin ?? []).map { Array($0.utf8) }
    search = AliasSearch(
      try Self.aliases(of: lists).union(autoload.entries.map(\.text)), in: index)
  }

  /// A walk that begins at modules, not at lists.
  package init(_ index: ModuleIndex, from positions: some Sequence<Int>) {
    self.index = index
    (paths, builtinPaths, search) = ([], [], AliasSearch([String](), in: index))
    for position in positions { reasons[position] = [] }
    close()
  }

  /// What the lists, and the profiles that they take in, ask modprobe for.
  private static func aliases(of lists: [ModuleList], depth: Int = 0) throws(KitError) -> Set<
    String
  > {
    var aliases: Set<String> = []
    for list in lists {
      for entry in list.entries {
        switch entry.request(list.style) {
        case .path: break
        case .name(let name): aliases.insert(name)
        case .device(let modalias, _): aliases.insert(modalias)
        case .profile(let name):
          guard depth < 8 else { throw circle(list, entry) }
          aliases.formUnion(
            try Self.aliases(of: [profile(name, list, entry)], depth: depth + 1))
        }
      }
    }
    return aliases
  }

  private static func circle(_ list: ModuleList, _ entry: ModuleList.Entry) -> KitError {
    KitError(.invalid, "\(list.name):\(entry.line): profiles include each other")
  }

  private static func profile(
    _ name: String, _ list: ModuleList, _ entry: ModuleList.Entry
  ) throws(KitError) -> ModuleList {
    do {
      return try ModuleProfile(named: name).list
    } catch {
      throw KitError(
        .invalid, "\(list.name):\(entry.line): \(error.message)", advice: error.advice)
    }
  }

  /// Adds what a list names, and takes out what its removals name.
  /// - Throws: `KitError.invalid` for profiles that take each other in, `.usage` for one that there is not.
  package mutating func add(_ list: ModuleList, isRemoval: Bool = false) throws(KitError) {
    for entry in list.entries {
      let isRemoval = isRemoval || entry.isRemoval
      let found: [Int]
      let isBuiltIn: Bool
      switch entry.request(list.style) {
      case .profile(let name):
        try add(Self.profile(name, list, entry), isRemoval: isRemoval)
        continue
      case .path(let text):
        let pattern = ModulePathPattern(text)
        found = index.modules.indices.filter { pattern.matches(paths[$0]) }
        isBuiltIn = found.isEmpty && builtinPaths.contains(where: pattern.matches)
      case .name(let name):
        let pattern = Array(ModuleName.normalized(name).utf8)
        found =
          ModuleAlias.isPattern(pattern)
          ? index.modules.indices.filter {
            ModuleAlias.matches(pattern, Array(index.modules[$0].name.utf8))
          }
          : search.modules[name] ?? []
        isBuiltIn = search.builtIn[name] != nil
      case .device(let modalias, let drivers):
        found = search.modules[modalias] ?? []
        isBuiltIn = search.builtIn[modalias] != nil || drivers.contains(where: index.isBuiltIn)
      }
      if isRemoval {
        for position in found { reasons[position] = nil }
        // What a removed profile lists may be missing; a line that removes nothing is a mistake.
        if entry.isRemoval, found.isEmpty { explain(entry, of: list, isBuiltIn: isBuiltIn) }
        continue
      }
      for position in found { add(position, .listed(list: list.name, entry)) }
      if found.isEmpty { explain(entry, of: list, isBuiltIn: isBuiltIn) }
    }
  }

  /// - Returns: the names of the modules, in the list's order, each once: an alias may stand for several.
  package mutating func add(autoload list: ModuleList) -> [String] {
    let index = index
    var names: [String] = []
    for entry in list.entries {
      let found = search.modules[entry.text] ?? []
      if found.isEmpty {
        explain(entry, of: list, isBuiltIn: search.builtIn[entry.text] != nil, isName: true)
      }
      for position in found {
        let name = index.modules[position].name
        if entry.isRemoval {
          names.removeAll { $0 == name }
          removeReasons(of: position, from: list)
          continue
        }
        add(position, .listed(list: list.name, entry))
        if !names.contains(name) { names.append(name) }
      }
    }
    return names
  }

  private mutating func removeReasons(of position: Int, from list: ModuleList) {
    reasons[position]?.removeAll {
      if case .listed(list.name, _) = $0 { true } else { false }
    }
    if reasons[position]?.isEmpty == true { reasons[position] = nil }
  }

  private mutating func explain(
    _ entry: ModuleList.Entry, of list: ModuleList, isBuiltIn: Bool, isName: Bool = false
  ) {
    let absence = ModuleSelection.Absence(list: list.name, entry: entry)
    if isBuiltIn {
      builtin.append(absence)
    } else if entry.isOptional {
      missing.append(absence)
    } else {
      problems.append(
        KitError(
          .invalid, "\(list.name):\(entry.line): this kernel has no '\(entry.text)'",
          advice: list.style == .names
            // A profile, which nobody can edit.
            ? "use another --profile, or another kernel"
            : (nearest(to: entry.text, isName).map { "the nearest is '\($0)', and " } ?? "")
              + "write ? before an entry to make it optional"))
    }
  }

  private func nearest(to text: String, _ isName: Bool) -> String? {
    guard !text.contains(":") else { return nil }
    guard isName else { return NearestName.path(to: text, among: index.modules.map(\.path)) }
    return NearestName.name(to: ModuleName.normalized(text), among: index.modules.map(\.name))
  }

  private mutating func add(_ position: Int, _ reason: ModuleSelection.Reason) {
    if reasons[position]?.contains(reason) != true { reasons[position, default: []].append(reason) }
  }

  /// The most passes over the aliases of all modules.
  ///
  /// Each pass answers for all modules that the one before has found. Debian's kernels need three or four, of 2 ms
  /// together for a cloud kernel and 10 ms for the generic one; one pass for the wishes of all modules instead takes
  /// 25 ms. A made-up tree could be a chain of 4,000 softdeps and as many passes, so the last one asks for all.
  private static let passLimit = 5

  /// Adds what the modules need, and what those need, until nothing is new.
  package mutating func close() {
    let aliases = AliasLookup(index)
    var queue = reasons.keys.sorted()
    var next = 0
    // How far the queue's aliases were looked up.
    var (prepared, passes) = (0, 0)
    func addNeeded(_ needed: Int, _ reason: ModuleSelection.Reason) {
      if reasons[needed] == nil { queue.append(needed) }
      add(needed, reason)
    }
    while next < queue.count {
      if next == prepared {
        passes += 1
        let isLast = passes == Self.passLimit
        let asking = isLast ? Array(index.modules.indices)[...] : queue[next...]
        aliases.prepare(
          asking.flatMap {
            index.softDependencies(of: $0) + index.weakDependencies(of: $0)
          })
        prepared = isLast ? .max : queue.count
      }
      let position = queue[next]
      next += 1
      let module = index.modules[position]
      for dependency in module.dependencies { addNeeded(dependency, .dependency(of: module.name)) }
      let soft = index.softDependencies(of: position)
      let weak = index.weakDependencies(of: position)
      for other in soft.flatMap(aliases.positions) where other != position {
        addNeeded(other, .softDependency(of: module.name))
      }
      for other in weak.flatMap(aliases.positions) where other != position {
        addNeeded(other, .weakDependency(of: module.name))
      }
    }
  }

  /// Returns the modules that were selected, in the index's order, with their reasons.
  package func selected() -> [ModuleSelection.Module] {
    reasons.keys.sorted().map { position in
      let module = index.modules[position]
      return ModuleSelection.Module(
        position: position, name: module.name, path: module.path, reasons: reasons[position] ?? [])
    }
  }
}
