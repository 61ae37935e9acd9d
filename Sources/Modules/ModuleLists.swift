internal import Basics
package import Formats

/// What says which of a kernel's modules a RAM disk has. Later ones change what earlier ones chose.
package struct ModuleLists: Sendable, Hashable {
  /// Nil for none: modules.ramfs decides alone.
  package var profile: ProfileChoice?
  /// Files and folders below `kernel/`: modules.ramfs, the last word. Nil for none.
  package var modules: ModuleList?
  /// Names of modules to load first: modules.autoload.
  package var autoload: ModuleList

  /// Puts lists together.
  package init(profile: ProfileChoice? = nil, modules: ModuleList?, autoload: ModuleList) {
    self.profile = profile
    self.modules = modules
    self.autoload = autoload
  }

  /// Those that minivm comes with.
  package static var defaults: ModuleLists {
    ModuleLists(
      profile: .standard, modules: nil,
      autoload: ModuleList(Array(DefaultFiles.modulesAutoload.utf8), name: "modules.autoload"))
  }
}

extension ModuleList {
  /// The most bytes of a list.
  private static let sizeLimit = 1 << 24

  /// - Throws: `FormatError.io` when the file can't be read.
  package init(reading path: String, style: Style = .paths) throws(FormatError) {
    // Messages and manifests have the name alone: they do not depend on where the file is.
    self.init(
      try InputFile.contents(of: path, limit: Self.sizeLimit), name: FileTree.name(of: path),
      style: style)
  }
}
