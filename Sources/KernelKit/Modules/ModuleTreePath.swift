/// What paths of a module tree mean.
enum ModuleTreePath {
  /// Links to what the kernel was built in, or folders with its headers: depmod looks into none of that
  /// name.
  static let sources: Set<String> = ["build", "source"]
  /// Files that depmod makes, which say nothing that the modules do not.
  static let indexes = Set(ModuleIndex.fileNames)

  static func isLeftOut(_ below: String) -> Bool {
    sources.contains(String(below.prefix { $0 != "/" })) || indexes.contains(below)
  }

  /// Whether a path is that of a file in which depmod sees a module.
  static func isModule(_ below: String) -> Bool {
    let parts = below.split(separator: "/")
    return ModuleName.isModuleFile(parts.last ?? "")
      && !parts.dropLast().contains { sources.contains(String($0)) }
  }
}
