internal import Basics
internal import CGuest
internal import Formats

/// The program that finds drivers and the root device in the guest. This one carries it, for each
/// architecture that scripts/build-guest made it for.
enum Coldplug {
  /// Below a template. What stands there already is the template's choice.
  static let path = "bin/coldplug"

  /// - Returns: nil when there is none for it.
  static func program(for architecture: Architecture) -> [UInt8]? {
    var count = 0
    guard let bytes = unsafe minivm_coldplug(architecture.rawValue, &count) else { return nil }
    return unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  }

  /// What the manifest says of it.
  static func note(_ program: [UInt8], _ architecture: Architecture) -> TemplateProgram {
    TemplateProgram(
      path: path, architecture: architecture.rawValue, sha256: Digest.sha256(of: program),
      origin: "minivm", version: ProgramVersion.current)
  }
}

extension Initramfs {
  /// Its ELF files, with what they are for.
  var programs: [(path: String, architecture: Architecture)] {
    paths.compactMap { path in
      guard case .file(let bytes, _)? = entries[path] else { return nil }
      return StaticProgram.architecture(ofELF: bytes).map { (path, $0) }
    }
  }
}
