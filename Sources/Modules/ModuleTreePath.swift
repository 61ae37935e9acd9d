/// What paths of a module tree mean.
package enum ModuleTreePath {
  /// Links to what the kernel was built in, or folders with its headers: depmod looks into none of that
  /// name.
  package static let sources: Set<String> = ["build", "source"]
  /// What a kernel is called in its own tree, and its configuration: neither goes with the modules.
  package static let kernelNames: Set<String> = ["vmlinuz", "vmlinux", "Image"]
  /// The kernel's configuration, in the trees of Fedora and Arch.
  package static let configurationName = "config"
  /// Files that depmod makes, which say nothing that the modules do not.
  package static let indexes = Set(ModuleIndex.fileNames)

  /// Returns whether a path is left out of every copy: links to the sources, and indexes.
  /// - Parameter below: the path below lib/modules/VER.
  package static func isLeftOut(_ below: String) -> Bool {
    isSource(below.utf8.prefix { $0 != UInt8(ascii: "/") }) || indexes.contains(below)
  }

  /// Returns whether a path is the kernel or its configuration, which are no modules.
  /// - Parameter below: the path below lib/modules/VER.
  package static func isOfKernel(_ below: String) -> Bool {
    kernelNames.contains(below) || below == configurationName
  }

  /// Whether a path is that of a file in which depmod sees a module.
  package static func isModule(_ below: String) -> Bool {
    var rest = below.utf8[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "/")) {
      if isSource(rest[..<end]) { return false }
      rest = rest[end...].dropFirst()
    }
    return ModuleName.isModuleFile(Substring(rest))
  }

  /// Where a link leads, without looking: its target is taken from its own folder.
  /// - Parameters:
  ///   - below: the link's own path below the tree.
  ///   - target: as the link has it.
  /// - Returns: a path below the tree; nil for one that leads out of it, or may.
  package static func place(ofLink below: String, to target: String) -> String? {
    guard target.utf8.first != UInt8(ascii: "/") else { return nil }
    var parts = below.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init).dropLast()
    var hasName = false
    for part in target.utf8.split(separator: UInt8(ascii: "/")).map(Substring.init)
    where part != "." {
      if part == ".." {
        // Behind a name, which may be a link itself, it can lead anywhere.
        guard !hasName, parts.popLast() != nil else { return nil }
      } else {
        hasName = true
        parts.append(part)
      }
    }
    return parts.joined(separator: "/")
  }

  private static func isSource(_ name: Substring.UTF8View) -> Bool {
    // Few names are as long as one of them.
    (5...6).contains(name.count) && sources.contains { $0.utf8.elementsEqual(name) }
  }
}
