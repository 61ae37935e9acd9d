/// Goes from what lists name to all that has to come with it.
struct SelectionWalk {
  private let index: ModuleIndex
  /// Paths without the suffixes of compression.
  private let paths: [[UInt8]]
  private let builtinPaths: [[UInt8]]
  private var reasons: [Int: [ModuleSelection.Reason]] = [:]
  private var queue: [Int] = []
  private(set) var builtin: [ModuleSelection.Absence] = []
  private(set) var missing: [ModuleSelection.Absence] = []
  private(set) var problems: [KitError] = []

  init(_ index: ModuleIndex) {
    self.index = index
    paths = index.modules.map { ModulePathPattern.withoutCompression(Array($0.path.utf8)) }
    builtinPaths = ModuleIndex.lines(index.lists.builtin ?? []).map { Array($0.utf8) }
  }

  mutating func add(files list: ModuleList) {
    let index = index
    for entry in list.entries {
      let pattern = ModulePathPattern(entry.text)
      let found = index.modules.indices.filter { pattern.matches(paths[$0]) }
      for position in found {
        add(position, .listed(list: list.name, line: entry.line, entry: entry.text))
      }
      if found.isEmpty {
        explain(
          entry, of: list, isBuiltin: builtinPaths.contains(where: pattern.matches),
          nearest: NearestName.path(to: entry.text, among: index.modules.map(\.path)))
      }
    }
  }

  /// - Returns: the names that are modules, in the list's order, each once.
  mutating func add(autoload list: ModuleList) -> [String] {
    let index = index
    var names: [String] = []
    for entry in list.entries {
      if let position = index.position(of: entry.text) {
        add(position, .listed(list: list.name, line: entry.line, entry: entry.text))
        let name = index.modules[position].name
        if !names.contains(name) { names.append(name) }
      } else {
        explain(
          entry, of: list, isBuiltin: index.isBuiltin(entry.text),
          nearest: NearestName.name(
            to: ModuleName.normalized(entry.text), among: index.modules.map(\.name)))
      }
    }
    return names
  }

  private mutating func explain(
    _ entry: ModuleList.Entry, of list: ModuleList, isBuiltin: Bool,
    nearest: @autoclosure () -> String?
  ) {
    let absence = ModuleSelection.Absence(list: list.name, entry: entry)
    if isBuiltin {
      builtin.append(absence)
    } else if entry.isOptional {
      missing.append(absence)
    } else {
      problems.append(
        KitError(
          .invalid, "\(list.name):\(entry.line): this kernel has no '\(entry.text)'",
          advice: nearest().map { "the nearest is '\($0)'" }))
    }
  }

  private mutating func add(_ position: Int, _ reason: ModuleSelection.Reason) {
    if let earlier = reasons[position] {
      if !earlier.contains(reason) { reasons[position]?.append(reason) }
    } else {
      reasons[position] = [reason]
      queue.append(position)
    }
  }

  /// Adds what the modules need, and what those need, until nothing is new.
  mutating func close() {
    // Few modules ask for others by alias: no table before the first does.
    var aliases: ModuleAliases?
    var next = 0
    while next < queue.count {
      let position = queue[next]
      next += 1
      let module = index.modules[position]
      for dependency in module.dependencies { add(dependency, .dependency(of: module.name)) }
      let soft = index.softDependencies(of: position)
      let weak = index.weakDependencies(of: position)
      if soft.isEmpty, weak.isEmpty { continue }
      let table = aliases ?? ModuleAliases(index)
      aliases = table
      for other in soft.flatMap(table.positions) where other != position {
        add(other, .softDependency(of: module.name))
      }
      for other in weak.flatMap(table.positions) where other != position {
        add(other, .weakDependency(of: module.name))
      }
    }
  }

  func selected() -> [ModuleSelection.Module] {
    reasons.keys.sorted().map { position in
      let module = index.modules[position]
      return ModuleSelection.Module(
        position: position, name: module.name, path: module.path, reasons: reasons[position] ?? [])
    }
  }
}
