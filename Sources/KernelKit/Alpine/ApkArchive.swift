internal import Formats

/// An Alpine package of version 2: gzip members whose tars follow each other, signature, control and
/// data. apk-package(5).
///
/// The tars of signature and control have no end blocks, so that all of them read as one archive.
struct ApkArchive {
  /// Fields of .PKGINFO that this program uses.
  struct Control: Sendable, Hashable {
    var package: String
    var version: String
    /// Alpine's name of it.
    var architecture: String
  }

  let path: String
  let control: Control
  private let file: InputFile

  /// - Throws: `FormatError` for what is no such package.
  init(_ path: String) throws {
    let file = try InputFile(path)
    self.path = path
    self.file = file
    control = try inside(path) {
      let tar = try Self.tar(of: file)
      while let entry = try tar.next() {
        guard entry.path == ".PKGINFO", entry.kind == .file else {
          guard entry.path.hasPrefix(".SIGN.") else { break }
          continue
        }
        return try Self.control(tar.body(limit: 1 << 20))
      }
      throw FormatError(.malformed, "is not an Alpine package: .PKGINFO does not come first")
    }
  }

  /// Hands on the package's files in their order, each with a reader for its body.
  func forEachEntry(_ receive: (TarEntry, TarReader) throws -> Void) throws {
    try inside(path) {
      let tar = try Self.tar(of: file)
      while let entry = try tar.next() {
        if !entry.path.hasPrefix(".") { try receive(entry, tar) }
      }
    }
  }

  private static func tar(of file: InputFile) throws -> TarReader {
    TarReader(try Compression.gzip.decode(file.source(0..<file.size)))
  }

  private static func control(_ text: [UInt8]) throws(FormatError) -> Control {
    var fields: [Substring: String] = [:]
    for line in String(decoding: text, as: UTF8.self).split(separator: "\n") {
      let parts = line.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, !line.hasPrefix("#"), let name = parts[0].split(separator: " ").first
      else { continue }
      fields[name] = parts[1].split(separator: " ").joined(separator: " ")
    }
    guard let package = fields["pkgname"], let version = fields["pkgver"],
      let architecture = fields["arch"]
    else { throw FormatError(.malformed, ".PKGINFO lacks pkgname, pkgver or arch") }
    return Control(package: package, version: version, architecture: architecture)
  }
}
