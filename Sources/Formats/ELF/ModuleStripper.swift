/// Takes the debug information out of a kernel module: sections `.debug*`, and the relocations of these.
///
/// All other sections keep their bytes and their order; references to sections are renumbered. The sections' own
/// symbols stay as absolute ones without a name, so that no relocation has to be rewritten.
///
/// System V ABI, "Section Header", "Symbol Table", "Section Groups".
package enum ModuleStripper {
  /// What became of a module.
  package enum Result: Sendable, Equatable {
    /// It has no debug information.
    case unchanged
    case stripped([UInt8])
    /// Its signature is of all of its bytes: it was left alone.
    case signed
    /// Its form is not one that a kernel's build writes: it was left alone.
    case unknown
  }

  private static let signatureMark = Array("~Module signature appended~\n".utf8)

  /// - Parameter module: all bytes of its file, not compressed.
  package static func strip(_ module: [UInt8]) -> Result {
    guard let file = ModuleSections(module) else { return .unknown }
    guard file.hasDebugInformation else { return .unchanged }
    guard !module.ends(with: signatureMark) else { return .signed }
    return file.withoutDebugInformation().map(Result.stripped) ?? .unknown
  }

  /// Bytes of debug information in a module; 0 for what is no module.
  package static func debugSize(of module: [UInt8]) -> Int {
    ModuleSections(module)?.debugSize ?? 0
  }
}

extension [UInt8] {
  fileprivate func ends(with end: [UInt8]) -> Bool { suffix(end.count).elementsEqual(end) }
}
