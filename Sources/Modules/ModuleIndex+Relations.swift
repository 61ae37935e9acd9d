package import Formats

extension ModuleIndex {
  /// Names or aliases of modules that a module wants loaded before or after it, as modprobe reads
  /// `softdep`: what stands before the first `pre:` or `post:` does not count.
  package func softDependencies(of position: Int) -> [String] {
    modules[position].facts.values(of: "softdep").flatMap { value in
      Self.words(value).drop { $0 != "pre:" && $0 != "post:" }.filter {
        $0 != "pre:" && $0 != "post:"
      }
    }
  }

  /// Names or aliases of modules that a module can do without, but may load itself.
  package func weakDependencies(of position: Int) -> [String] {
    modules[position].facts.values(of: "weakdep").flatMap(Self.words)
  }

  /// Whether the index has of a module at least what that says that it needs, and just what it would like to
  /// have.
  package func agrees(with facts: ModuleFacts, at position: Int) -> Bool {
    let depends = facts.values(of: "depends")
    let module = modules[position]
    let needed = Set(module.dependencies.map { modules[$0].name })
    return facts.values(of: "softdep") == module.facts.values(of: "softdep")
      && facts.values(of: "weakdep") == module.facts.values(of: "weakdep")
      && !depends.isEmpty
      && depends.flatMap { $0.split(separator: UInt8(ascii: ",")) }
        .allSatisfy { needed.contains(ModuleName.normalized(String(decoding: $0, as: UTF8.self))) }
  }

  private static func words(_ value: ArraySlice<UInt8>) -> [String] {
    value.split(whereSeparator: ByteWords.isBlank)
      .map { String(decoding: $0, as: UTF8.self) }
  }
}
