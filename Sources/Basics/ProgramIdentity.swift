internal import CMiniVM
internal import Formats

/// Which program this is: one that was built otherwise may write other bytes.
package enum ProgramIdentity {
  /// The executable's build ID, or its SHA-256 where its linker gave it none, and the versions of the
  /// libraries that compress, which it may take from the system.
  package static func digest() throws -> String {
    let program = try InputFile(path)
    let identity = try BuildID.read(program).map(Digest.text) ?? Digest.sha256(of: program)
    return identity + " " + Compression.libraryVersions
  }

  /// Where the kernel found it: a system without /proc has only the path that it was started by.
  private static var path: String {
    let link = "/proc/self/exe"
    if FileTree.status(link) != nil { return link }
    return unsafe minivm_program_path().map { unsafe String(cString: $0) } ?? link
  }
}
