internal import Formats

/// What this machine has last seen of a suite: no mirror can go back behind it, and no other archive can
/// come in its place unnoticed.
struct SeenRelease: Equatable {
  /// When the list was made, in seconds since 1970.
  var date: Int
  /// Names that stay as they are, by field; nil in notes of earlier versions, which have only dates.
  var names: [String: String]?

  private static let sizeLimit = 1 << 14
  /// What apt asks about when it changes. apt-secure(8), "INFORMATION CHANGES".
  private static let fields = ["Origin", "Label", "Codename"]

  init(_ release: Release) {
    date = release.date
    let values = [release.origin, release.label, release.codename]
    names = Dictionary(
      uniqueKeysWithValues: zip(Self.fields, values.map { ($0 ?? "").replacing("\n", with: " ") }))
  }

  /// - Returns: nil where nothing was seen.
  init?(reading path: String) {
    guard let bytes = try? InputFile(path).readAll(limit: Self.sizeLimit) else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
    guard let date = lines.first.flatMap({ Int($0) }) else { return nil }
    self.date = date
    guard lines.count > 1 else { return }
    var names: [String: String] = [:]
    for line in lines.dropFirst() {
      let parts = line.split(separator: ":", maxSplits: 1)
      names[String(parts[0])] = parts.count > 1 ? String(parts[1].dropFirst()) : ""
    }
    self.names = names
  }

  var text: String {
    "\(date)\n" + Self.fields.map { "\($0): \(names?[$0] ?? "")\n" }.joined()
  }

  /// Returns what a newer list says otherwise: `Codename from “bookworm” to “trixie”`.
  func changes(to newer: SeenRelease) -> [String] {
    guard let names, let others = newer.names else { return [] }
    return Self.fields.compactMap { field in
      let (old, new) = (names[field] ?? "", others[field] ?? "")
      return old == new ? nil : "\(field) from \(old.quoted) to \(new.quoted)"
    }
  }
}
