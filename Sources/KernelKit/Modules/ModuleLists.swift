public import Formats

/// The two lists that say what a RAM disk has of a kernel's modules.
public struct ModuleLists: Sendable {
  /// Files and folders below `kernel/`: modules.ramfs.
  public var modules: ModuleList
  /// Names of modules to load first: modules.autoload.
  public var autoload: ModuleList

  public init(modules: ModuleList, autoload: ModuleList) {
    self.modules = modules
    self.autoload = autoload
  }
}

extension ModuleList {
  /// The most bytes of a list.
  private static let sizeLimit = 1 << 24

  /// - Throws: `FormatError.io` when the file can't be read.
  public init(reading path: String) throws(FormatError) {
    // Messages and manifests have the name alone: they do not depend on where the file is.
    self.init(
      try InputFile(path).readAll(limit: Self.sizeLimit), name: FileTree.name(of: path))
  }
}
