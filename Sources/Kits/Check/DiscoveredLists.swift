package import Modules

/// A modules.ramfs and a modules.autoload that were found for a machine, each line with its reason.
package struct DiscoveredLists: Codable, Sendable, Hashable {
  package struct Line: Codable, Sendable, Hashable {
    /// The module's name.
    package var module: String
    /// As modules.ramfs has it.
    package var path: String
    package var reason: String
  }

  package var kernel: String
  /// What the lists were found from, in words.
  package var source: String
  /// The machine that booted with them; nil when none did.
  package var checkedOn: String?
  /// Modaliases of devices that were added and that this kernel has no driver for; nil where none were added.
  package var withoutDriver: [String]?
  package var modules: [Line]
  /// Modules that were there, and that root is reached without.
  package var others: [Line]

  /// - Parameters:
  ///   - wanted: positions in the index, each with the reason; those that another one brings along are
  ///     left out.
  init(
    _ kernel: KernelRelease, source: String, index: ModuleIndex,
    wanted: [(position: Int, reason: String)], others: [(position: Int, reason: String)]
  ) {
    self.kernel = kernel.description
    self.source = source
    func line(_ found: (position: Int, reason: String)) -> Line {
      let module = index.modules[found.position]
      return Line(
        module: module.name, path: ModuleName.listEntry(ofPath: module.path), reason: found.reason)
    }
    let kept = Self.withoutImplied(wanted.map(\.position), in: index)
    modules = wanted.filter { kept.contains($0.position) }.map(line)
    let present = Set(Self.reach(index, from: kept))
    let leaves = Self.withoutImplied(others.map(\.position), in: index)
    self.others = others.filter { leaves.contains($0.position) && !present.contains($0.position) }
      .map(line)
      .sorted { $0.path < $1.path }
  }

  /// Those that no other one leads to.
  private static func withoutImplied(_ positions: [Int], in index: ModuleIndex) -> Set<Int> {
    var kept = Set(positions)
    for position in positions {
      if reach(index, from: kept.subtracting([position])).contains(position) {
        kept.remove(position)
      }
    }
    return kept
  }

  /// All that a RAM disk has that is made with these.
  static func reach(_ index: ModuleIndex, from roots: Set<Int>) -> [Int] {
    SelectionWalk(index, from: roots).selected().map(\.position)
  }

  /// modules.ramfs.
  package var modulesText: String {
    """
    # Modules for the RAM disk of kernel \(kernel): what finds and mounts its root disk. Found by
    # `minivm discover` from \(source).
    # \(checkedOn.map { "An initramfs with only these modules booted on \($0)." } ?? "Not checked by booting it.")
    #
    # What a module needs comes with it and is not listed here; what this kernel has built in isn't
    # either. How such a list is written: docs/MODULES.md.

    \(Self.text(modules, mark: ""))\((withoutDriver ?? []).map { "# No driver in this kernel: \($0)\n" }.joined())\(others.isEmpty ? "" : """

    # Loaded there as well, and not needed to reach root. Take the `#` away for those that you want early.
    \(Self.text(others, mark: "# "))
    """)
    """
  }

  /// modules.autoload.
  package var autoloadText: String {
    """
    # Modules that the RAM disk of kernel \(kernel) loads first, one name a line. `minivm discover` found
    # none that is needed: devices announce their drivers, and the kernel asks for file systems itself.

    """
  }

  private static func text(_ lines: [Line], mark: String) -> String {
    let width = min(48, lines.map(\.path.utf8.count).max() ?? 0)
    return lines.map { line in
      let padding = String(repeating: " ", count: max(0, width - line.path.utf8.count))
      return "\(mark)\(line.path)\(padding)  # \(line.reason)\n"
    }.joined()
  }

  /// The lists, as a RAM disk is made with them.
  package var lists: ModuleLists {
    ModuleLists(
      modules: ModuleList(Array(modulesText.utf8), name: "modules.ramfs"),
      autoload: ModuleList(Array(autoloadText.utf8), name: "modules.autoload"))
  }
}
