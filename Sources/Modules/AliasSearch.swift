internal import Formats

/// Finds the modules that modprobe would load for some aliases, all in one pass over an index.
///
/// modprobe takes the module of that name, or else every module with an alias whose pattern matches,
/// or else what is built in. A kernel says little of what is built in: before 6.18 the devices that a
/// built-in driver takes stand nowhere, so whoever asks names the drivers as well.
package struct AliasSearch {
  /// Positions in the index's `modules`, by the alias that was asked for.
  package private(set) var modules: [String: [Int]] = [:]
  /// Names of what is built in and has it, by the alias that was asked for.
  package private(set) var builtIn: [String: Set<String>] = [:]

  /// Looks aliases up, in one pass over the index.
  package init(_ aliases: some Sequence<String>, in index: ModuleIndex) {
    var wanted: [(text: String, key: [UInt8])] = []
    for alias in Set(aliases).sorted() {
      if let position = index.position(of: alias) {
        modules[alias] = [position]
      } else if let key = ModuleAlias.normalized(alias.utf8) {
        if index.isBuiltIn(alias) { builtIn[alias] = [ModuleName.normalized(alias)] }
        wanted.append((alias, key))
      }
    }
    guard !wanted.isEmpty else { return }
    for (position, module) in index.modules.enumerated() {
      for pattern in module.facts.values(of: "alias") {
        for (text, key) in wanted where Self.matches(pattern, key) {
          if modules[text]?.last != position { modules[text, default: []].append(position) }
        }
      }
    }
    for (module, pattern) in index.lists.builtInAliases {
      for (text, key) in wanted where Self.matches(pattern, key) {
        builtIn[text, default: []].insert(String(decoding: module, as: UTF8.self))
      }
    }
  }

  /// - Parameter key: normalised.
  private static func matches(_ pattern: ArraySlice<UInt8>, _ key: [UInt8]) -> Bool {
    // Nearly all differ before their first wildcard: no pattern is made of those.
    var position = 0
    for byte in pattern {
      if byte == UInt8(ascii: "*") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "[") {
        break
      }
      guard position < key.count,
        key[position] == (byte == UInt8(ascii: "-") ? UInt8(ascii: "_") : byte)
      else { return false }
      position += 1
    }
    guard let normalized = ModuleAlias.normalized(pattern) else { return false }
    return ModuleAlias.matches(normalized, key)
  }
}

/// Searches whose answers are kept: each pass over a kernel's aliases takes some milliseconds.
package final class AliasLookup {
  private let index: ModuleIndex
  private var known: Set<String> = []
  private var modules: [String: [Int]] = [:]
  private var builtIn: Set<String> = []

  /// Makes a lookup without answers.
  package init(_ index: ModuleIndex) {
    self.index = index
  }

  /// Looks up in one pass what will be asked for.
  package func prepare(_ aliases: some Sequence<String>) {
    let new = Set(aliases).subtracting(known)
    guard !new.isEmpty else { return }
    let search = AliasSearch(new, in: index)
    known.formUnion(new)
    modules.merge(search.modules) { first, _ in first }
    builtIn.formUnion(search.builtIn.keys)
  }

  /// Returns the positions in the index of the modules that have an alias.
  package func positions(of alias: String) -> [Int] {
    prepare([alias])
    return modules[alias] ?? []
  }

  /// Returns whether something that is built in has an alias.
  package func isBuiltIn(_ alias: String) -> Bool {
    prepare([alias])
    return builtIn.contains(alias)
  }
}
