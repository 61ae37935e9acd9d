internal import Formats

/// What each module of an index brings along: its dependencies, and what it wishes for by softdep and weakdep.
package struct ModuleReach {
  private let leads: [[Int]]

  /// Finds out what the modules of an index lead to.
  package init(_ index: ModuleIndex) {
    let wishes = index.modules.indices.map {
      index.softDependencies(of: $0) + index.weakDependencies(of: $0)
    }
    let aliases = AliasLookup(index)
    aliases.prepare(wishes.joined())
    leads = index.modules.indices.map { position in
      index.modules[position].dependencies + wishes[position].flatMap(aliases.positions)
    }
  }

  /// Whether modules lead to a module, for each position; they do to themselves.
  /// - Parameter avoided: a module that no way leads through.
  package func all(from roots: [Int], avoiding avoided: Int? = nil) -> [Bool] {
    var isReached = [Bool](repeating: false, count: leads.count)
    var queue = roots
    while let position = queue.popLast() {
      if position == avoided || isReached[position] { continue }
      isReached[position] = true
      queue += leads[position]
    }
    return isReached
  }
}
