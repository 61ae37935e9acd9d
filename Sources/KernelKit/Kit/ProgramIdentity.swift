internal import Formats

/// Which program this is: one that was built otherwise may write other bytes.
enum ProgramIdentity {
  /// A SHA-256 of the executable, and the versions of the libraries that compress, which it may take
  /// from the system.
  static func digest() throws -> String {
    try Digest.sha256(of: InputFile("/proc/self/exe")) + " " + Compression.libraryVersions
  }
}
