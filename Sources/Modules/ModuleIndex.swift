internal import Basics
package import Formats

/// The modules of one kernel and how they hang together: what depmod(8) finds out.
///
/// A value without any file system: it is made of paths and facts, and its `files()` are bytes.
/// Of a part of a kernel's modules it makes the indexes of that part.
package struct ModuleIndex: Sendable {
  /// The files that the kernel's build leaves in the module tree; nil for those that are not there.
  package struct BuildLists: Sendable {
    /// modules.order: the modules in the order of the build.
    package var order: [UInt8]?
    /// modules.builtin: paths of what is built in.
    package var builtin: [UInt8]?
    /// modules.builtin.modinfo: what the built-in modules say of themselves.
    package var builtinInformation: [UInt8]?

    /// Makes the lists of a tree; nil for files that are not there.
    package init(
      order: [UInt8]? = nil, builtin: [UInt8]? = nil, builtinInformation: [UInt8]? = nil
    ) {
      self.order = order
      self.builtin = builtin
      self.builtinInformation = builtinInformation
    }

    /// Modules that are built in and what they say that they take: records `module.alias=value` of
    /// modules.builtin.modinfo, each ended by NUL. Aliases of names stand there since Linux 5.2, those of
    /// devices since 6.18.
    var builtInAliases: [(module: ArraySlice<UInt8>, alias: ArraySlice<UInt8>)] {
      var found: [(module: ArraySlice<UInt8>, alias: ArraySlice<UInt8>)] = []
      var rest = (builtinInformation ?? [])[...]
      while let end = rest.firstIndex(of: 0) {
        let record = rest[..<end]
        rest = rest[(end + 1)...]
        guard let dot = record.firstIndex(of: UInt8(ascii: ".")) else { continue }
        let field = record[(dot + 1)...]
        if field.starts(with: "alias=".utf8) { found.append((record[..<dot], field.dropFirst(6))) }
      }
      return found
    }
  }

  /// A module of the index.
  package struct Module: Sendable {
    /// Below the module tree, `kernel/fs/ext4/ext4.ko.xz`; absolute in an external folder.
    package let path: String
    /// The name, with underscores.
    package let name: String
    /// What the module's file says of itself.
    package let facts: ModuleFacts
    /// Positions in `modules` of the modules whose symbols this one uses, in the order of first use where it
    /// was found out from symbols.
    package internal(set) var dependencies: [Int] = []
    /// Where the module stands in an order of loading; a higher number goes first.
    var depth = 0
  }

  /// In kmod's order: as in modules.order, then by hash of the name.
  package private(set) var modules: [Module]
  /// The files of the kernel's build that the index was made with.
  package let lists: BuildLists
  /// Whether it has all that modules say, their symbols, too.
  package internal(set) var isWhole = true
  /// Modules that are part of the kernel, as modules.builtin has them.
  package let builtinNames: Set<String>
  private let positions: [String: Int]
  /// Exported symbols, and the positions of the modules that they are taken from.
  private(set) var symbolOwners = ByteStringMap()

  /// - Parameters:
  ///   - found: paths below the module tree, with what is known of each. Of two with one name, the
  ///     configuration's rules choose, and the first path in byte order where they don't.
  /// - Throws: `KitError.invalid` when modules depend on each other in a circle.
  package init(
    _ found: [(path: String, facts: ModuleFacts)], lists: BuildLists = BuildLists(),
    configuration: DepmodConfiguration = DepmodConfiguration(), jobs: Int = 1
  ) throws {
    self.init(choosingFrom: found, lists, ModuleOrder(lists.order), configuration)
    try connect(jobs: jobs)
    try number()
  }

  /// Of modules that say what they need: the names of modules that the kernel's build writes into each,
  /// `depends` (Linux, scripts/mod/modpost.c). Their symbols need not be known.
  /// - Returns: nil where one is not of that build, says nothing of it, or needs one that there is not: then
  ///   symbols have to tell.
  package init?(byName found: [(path: String, facts: ModuleFacts)], lists: BuildLists) {
    let order = ModuleOrder(lists.order)
    self.init(choosingFrom: found, lists, order, DepmodConfiguration())
    isWhole = false
    var seenBy = [Int](repeating: -1, count: modules.count)
    for position in modules.indices {
      guard order.lists(modules[position].path),
        let needed = modules[position].facts.values(of: "depends").first,
        needed.count < Self.dependsLimit
      else { return nil }
      for name in needed.split(separator: UInt8(ascii: ",")) {
        guard let dependency = self.position(of: String(decoding: name, as: UTF8.self)) else {
          return nil
        }
        if seenBy[dependency] == position { continue }
        seenBy[dependency] = position
        modules[position].dependencies.append(dependency)
      }
    }
    do { try number() } catch { return nil }
  }

  /// Bytes of all the names that a module needs; no kernel's has a thousand.
  private static let dependsLimit = 1 << 16

  private init(
    choosingFrom found: [(path: String, facts: ModuleFacts)], _ lists: BuildLists,
    _ order: ModuleOrder, _ configuration: DepmodConfiguration
  ) {
    self.lists = lists
    builtinNames = Set(Self.lines(lists.builtin ?? []).map { ModuleName.name(ofPath: $0) })
    let chosen = Self.choose(found, configuration)
    modules = order.sortedPositions(of: chosen.map { (found[$1].path, $0) }).map { place in
      let (name, position) = chosen[place]
      return Module(path: found[position].path, name: name, facts: found[position].facts)
    }
    positions = Dictionary(
      uniqueKeysWithValues: modules.enumerated().map { ($1.name, $0) })
  }

  /// The position in `modules` of a module, written with dashes or underscores.
  package func position(of name: some StringProtocol) -> Int? {
    positions[ModuleName.normalized(name)]
  }

  /// Returns whether a module is part of the kernel, by modules.builtin.
  package func isBuiltIn(_ name: some StringProtocol) -> Bool {
    builtinNames.contains(ModuleName.normalized(name))
  }

  /// Everything that the module at a position needs, directly or not, without itself, the module
  /// to be loaded last first.
  package func closure(of position: Int) -> [Int] {
    var walk = DependencyWalk(modules)
    return walk.closure(of: position)
  }

  /// Aliases of the module at a position, in the form that modprobe looks up.
  package func aliases(of position: Int) -> [String] {
    modules[position].facts.values(of: "alias").compactMap {
      ModuleAlias.normalized($0).map { String(decoding: $0, as: UTF8.self) }
    }
  }

  /// - Returns: names, and which of those that were found has each.
  private static func choose(
    _ found: [(path: String, facts: ModuleFacts)], _ configuration: DepmodConfiguration
  ) -> [(name: String, position: Int)] {
    var chosen: [String: Int] = [:]
    chosen.reserveCapacity(found.count)
    var hasTwins = false
    for position in found.indices {
      let name = ModuleName.name(ofPath: found[position].path)
      hasTwins = chosen.updateValue(position, forKey: name) != nil || hasTwins
    }
    if hasTwins {
      chosen = [:]
      // Of the tree first; external folders in the order of their rules.
      let folders = found.map { configuration.externalOrder(of: $0.path) }
      let order = found.indices.sorted {
        folders[$0] != folders[$1]
          ? folders[$0] < folders[$1] : found[$0].path.isBefore(found[$1].path)
      }
      for position in order {
        let path = found[position].path
        let name = ModuleName.name(ofPath: path)
        if let earlier = chosen[name], !configuration.prefers(path, to: found[earlier].path) {
          continue
        }
        chosen[name] = position
      }
    }
    return chosen.map { ($0, $1) }
  }

  /// Finds who exports what each module needs. Of two that export one symbol, the later one counts.
  private mutating func connect(jobs: Int) throws {
    // Not the properties: to look at those, all of them would be retained for each symbol.
    var owners = ByteStringMap()
    for position in modules.indices {
      unsafe modules[position].facts.exports.forEachBytes { unsafe owners.set($0, position) }
    }
    symbolOwners = owners
    let needs = modules.map(\.facts.needs)
    let size = max(1, (modules.count + jobs - 1) / jobs)
    let parts = stride(from: 0, to: modules.count, by: size).map {
      $0..<min($0 + size, modules.count)
    }
    let found = try OrderedWork.map(parts, jobs: jobs) { [owners] positions in
      var seenBy = [Int](repeating: -1, count: needs.count)
      return positions.map { position in
        var dependencies: [Int] = []
        unsafe needs[position].forEachBytes { symbol in
          guard let owner = unsafe owners[symbol], seenBy[owner] != position else { return }
          seenBy[owner] = position
          dependencies.append(owner)
        }
        return dependencies
      }
    }
    for (position, dependencies) in found.joined().enumerated() {
      modules[position].dependencies = dependencies
    }
  }

  /// Gives every module its place in an order of loading.
  private mutating func number() throws(KitError) {
    var users = [Int](repeating: 0, count: modules.count)
    for module in modules {
      for dependency in module.dependencies { users[dependency] += 1 }
    }
    var free = modules.indices.filter { users[$0] == 0 }
    var count = 0
    while let position = free.popLast() {
      modules[position].depth = count
      count += 1
      for dependency in modules[position].dependencies {
        users[dependency] -= 1
        if users[dependency] == 0 { free.append(dependency) }
      }
    }
    guard count == modules.count else {
      throw KitError(.invalid, "modules depend on each other: \(circles(among: users))")
    }
  }

  /// The names of one circle: the last needs the first.
  private func circle(among users: [Int]) -> [String] {
    // Every module that is left has a user that is left: going from user to user must come back.
    var users = users.map { $0 > 0 }
    // Peel off those that only depend on a circle's members or are depended on by them.
    var next = [Int?](repeating: nil, count: modules.count)
    for position in modules.indices where users[position] {
      for dependency in modules[position].dependencies { next[dependency] = position }
    }
    guard var position = users.firstIndex(of: true) else { return [] }
    while users[position], let user = next[position] {
      users[position] = false
      position = user
    }
    var names = [modules[position].name]
    var member = next[position]
    while let user = member, user != position {
      names.append(modules[user].name)
      member = next[user]
    }
    names.reverse()
    return names
  }

  /// Names of one circle that a message has, and of the modules in others; a hostile package has many.
  private static let namedInCircles = 32

  /// One circle, as `a -> b -> a`, and the names of all others that are in one.
  private func circles(among users: [Int]) -> String {
    let circle = circle(among: users)
    // Those left have a user that is left; in circles are those that depend on one that is left, too.
    var isLeft = users.map { $0 > 0 }
    var needs = modules.indices.map { position in
      modules[position].dependencies.count { isLeft[$0] }
    }
    var owners: [[Int]] = Array(repeating: [], count: modules.count)
    for position in modules.indices where isLeft[position] {
      for dependency in modules[position].dependencies { owners[dependency].append(position) }
    }
    var free = modules.indices.filter { isLeft[$0] && needs[$0] == 0 }
    while let position = free.popLast() {
      isLeft[position] = false
      for owner in owners[position] {
        needs[owner] -= 1
        if needs[owner] == 0, isLeft[owner] { free.append(owner) }
      }
    }
    let others = Set(modules.indices.filter { isLeft[$0] }.map { modules[$0].name })
      .subtracting(circle)
    func listed(_ names: [String], _ separator: String) -> String {
      let more = names.count - Self.namedInCircles
      return names.prefix(Self.namedInCircles).joined(separator: separator)
        + (more > 0 ? "\(separator)... (\(more) more)" : "")
    }
    let text = listed((circle.last.map { [$0] } ?? []) + circle, " -> ")
    guard !others.isEmpty else { return text }
    return "\(text); and \(listed(others.sorted { $0.isBefore($1) }, ", "))"
  }

  /// Lines without their terminators; what follows the last terminator is one too.
  package static func lines(_ bytes: [UInt8]) -> [String] {
    byteLines(bytes).map { String(decoding: $0, as: UTF8.self) }
  }

  static func byteLines(_ bytes: [UInt8]) -> [ArraySlice<UInt8>] {
    bytes.split(separator: UInt8(ascii: "\n"))
  }
}
