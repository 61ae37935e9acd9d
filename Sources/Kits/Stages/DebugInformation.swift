internal import Basics
internal import Formats

/// Takes debug information out of modules, and keeps in mind where that could not be done.
struct DebugInformation {
  private var signed: [String] = []
  private var unknown: [String] = []

  /// - Parameter path: for warnings.
  /// - Returns: the module's bytes as they are where there is nothing to take out, or it must not be.
  mutating func strip(_ module: [UInt8], _ path: String) -> [UInt8] {
    switch ModuleStripper.strip(module) {
    case .stripped(let bytes): return bytes
    case .unchanged: break
    case .signed: signed.append(path)
    case .unknown: unknown.append(path)
    }
    return module
  }

  /// One line for each reason.
  var warnings: [String] {
    [
      (signed, "keeps its debug information, since it is signed"),
      (unknown, "keeps its debug information, since its sections are not those of a module"),
    ].filter { !$0.0.isEmpty }.map { paths, reason in
      let more = paths.count > 1 ? " (and \(counted(paths.count - 1, "more module"))" + ")" : ""
      return "\(paths[0]): \(reason)\(more)"
    }
  }

  /// MiB of it in a RAM disk that are worth a word.
  private static let notable = 1

  /// - Parameter bytes: how many the modules have together.
  static func hint(_ bytes: Int) -> [String] {
    guard bytes >= notable << 20 else { return [] }
    return [
      "\(bytes >> 20) MiB of the modules in the initramfs are debug information; --strip-debug leaves it out"
    ]
  }
}
