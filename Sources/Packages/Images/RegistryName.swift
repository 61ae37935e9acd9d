internal import Basics
internal import Formats

/// Where an image is in a registry: `HOST[:PORT]/NAME[:TAG][@DIGEST]`. OCI Distribution Specification 1.1, "Pulling
/// manifests".
package struct RegistryName: Sendable, Hashable {
  /// With its port; nil where the user's own registry is meant.
  var host: String?
  /// `library/debian`
  var repository: String
  var tag: String
  /// Counts more than the tag.
  var digest: String?

  /// - Throws: `KitError.usage` for what is no such name.
  init(_ text: String) throws(KitError) {
    func fault(_ what: String) -> KitError {
      KitError(
        .usage, "\(text.quoted) names no image: \(what)",
        advice: "write docker://[HOST[:PORT]/]NAME[:TAG|@DIGEST]")
    }
    var rest = text[...]
    if let at = rest.firstIndex(of: "@") {
      let digest = String(rest[rest.index(after: at)...])
      guard FileHash(digest: digest) != nil else { throw fault("\(digest.quoted) is no digest") }
      self.digest = digest
      rest = rest[..<at]
    }
    if let slash = rest.firstIndex(of: "/") {
      let first = rest[..<slash]
      // As docker tells a registry's name from a user's.
      if first.contains(".") || first.contains(":") || first == "localhost" {
        guard let start = first.utf8.first, Self.isLetterOrDigit(start) || start == 0x5b,
          first.utf8.allSatisfy(Self.isHostByte)
        else {
          throw fault("\(String(first).quoted) is no host")
        }
        host = String(first)
        rest = rest[rest.index(after: slash)...]
      }
    }
    tag = "latest"
    if let colon = rest.lastIndex(of: ":") {
      tag = String(rest[rest.index(after: colon)...])
      rest = rest[..<colon]
    }
    guard Self.isTag(tag) else { throw fault("\(tag.quoted) is no tag") }
    repository = String(rest)
    guard repository.utf8.count <= 255,
      repository.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(
        Self.isComponent)
    else {
      throw fault("\(repository.quoted) is no name of small letters, digits, and . _ - in them")
    }
  }

  private static func isHostByte(_ byte: UInt8) -> Bool {
    isLetterOrDigit(byte) || "-.:[]".utf8.contains(byte)
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
  }

  private static func isTag(_ tag: String) -> Bool {
    guard let first = tag.utf8.first, first != 0x2e, first != 0x2d, tag.utf8.count <= 128 else {
      return false
    }
    return tag.utf8.allSatisfy { isLetterOrDigit($0) || "._-".utf8.contains($0) }
  }

  private static func isComponent(_ name: Substring) -> Bool {
    guard let first = name.utf8.first, let last = name.utf8.last else { return false }
    let isPlain = name.utf8.allSatisfy {
      (0x30...0x39).contains($0) || (0x61...0x7a).contains($0) || "._-".utf8.contains($0)
    }
    return isPlain && ![first, last].contains { "._-".utf8.contains($0) }
  }
}
