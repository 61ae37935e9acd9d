internal import Formats

/// The signature member that an index or a package of Alpine begins with: a tar without end blocks, of
/// files named `.SIGN.METHOD.KEY`.
enum ApkSignatures {
  private static let countLimit = 16
  private static let sizeLimit = 1 << 16

  /// The most bytes of a signature member's content.
  static let memberLimit = 1 << 20

  /// - Returns: nil when the member is another one, which is so when nothing was signed.
  /// - Throws: `FormatError` for damage.
  static func read(_ member: GzipMembers.Member) throws -> [AlpineKeys.Signature]? {
    let tar = TarReader(MemorySource(member.content))
    var signatures: [AlpineKeys.Signature] = []
    while let entry = try tar.next() {
      guard entry.path.hasPrefix(".SIGN."), entry.kind == .file else {
        if signatures.isEmpty { return nil }
        throw FormatError(
          .malformed, "the signature member holds \(entry.path.quoted)",
          offset: member.range.lowerBound)
      }
      guard signatures.count < countLimit else {
        throw FormatError(.limit, "more than \(countLimit) signatures")
      }
      signatures.append(
        AlpineKeys.Signature(file: entry.path, bytes: try tar.body(limit: sizeLimit)))
    }
    return signatures.isEmpty ? nil : signatures
  }
}
