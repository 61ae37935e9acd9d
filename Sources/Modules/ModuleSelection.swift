package import Basics
internal import Formats

/// Which modules go into a RAM disk, and why each of them.
///
/// What the lists name, and all that it needs: the modules whose symbols it uses, and those that it
/// asks for with softdep and weakdep, where they exist.
package struct ModuleSelection: Sendable {
  /// Why a module is in the initramfs.
  package enum Reason: Sendable, Hashable, CustomStringConvertible {
    /// A line of a list asks for it.
    case listed(list: String, ModuleList.Entry)
    /// The module of this name uses its symbols.
    case dependency(of: String)
    case softDependency(of: String)
    case weakDependency(of: String)

    /// The reason as the manifest and `explain` say it.
    package var description: String {
      switch self {
      case .listed(let list, let entry):
        "\(list):\(entry.line): \(entry.text)\(entry.comment.isEmpty ? "" : "  # \(entry.comment)")"
      case .dependency(let name): "needed by \(name)"
      case .softDependency(let name): "softdep of \(name)"
      case .weakDependency(let name): "weakdep of \(name)"
      }
    }
  }

  /// A module that was selected.
  package struct Module: Sendable {
    /// In the `modules` of the index that was selected from.
    package let position: Int
    /// The name, with underscores.
    package let name: String
    /// The path below lib/modules/VER, as the package has it.
    package let path: String
    /// At least one: the lists' lines first, then the modules that ask for it.
    package let reasons: [Reason]
  }

  /// An entry of a list that no module stands for.
  package struct Absence: Sendable, Hashable {
    /// The list's name.
    package let list: String
    /// The line.
    package let entry: ModuleList.Entry
  }

  /// In the index's order.
  package let modules: [Module]
  /// Names of the modules to be loaded first, as the list has them, without those built in.
  package let autoload: [String]
  /// What this kernel has without any module.
  package let builtin: [Absence]
  /// What may be missing, and is.
  package let missing: [Absence]

  /// - Parameter hasNoModules: whether the kernel's configuration says that it has none; a modules.order without lines
  ///   says so, too.
  /// - Throws: `KitError.invalid` for an entry that this kernel has not and that is not optional, but of a kernel
  ///   without modules.
  package init(
    from index: ModuleIndex, lists: ModuleLists, hasNoModules: Bool = false
  ) throws(KitError) {
    let hasNone =
      index.modules.isEmpty && (hasNoModules || index.lists.order?.isEmpty == true)
    let profiles = try lists.profile?.lists() ?? []
    let files = lists.modules.map { [$0] } ?? []
    var walk = try SelectionWalk(index, for: profiles.map(\.list) + files, autoload: lists.autoload)
    for (list, isRemoval) in profiles { try walk.add(list, isRemoval: isRemoval) }
    for list in files { try walk.add(list) }
    let names = walk.add(autoload: lists.autoload)
    // Of a kernel without modules there is nothing to choose: its drivers are built in, or RootCheck misses them.
    if let problem = walk.problems.first, !hasNone {
      let more = walk.problems.count - 1
      throw more == 0
        ? problem
        : KitError(.invalid, "\(problem.message) (and \(more) more)", advice: problem.advice)
    }
    walk.close()
    modules = walk.selected()
    self.autoload = hasNone ? [] : names
    builtin = walk.builtin
    missing = walk.missing
  }
}
