internal import Formats

/// A path in an image, with all that a guest sees of it.
package struct ImageEntry: Codable, Sendable, Hashable {
  package enum Kind: String, Codable, Sendable, Hashable {
    case file, directory, link, device, other
  }

  package var kind: Kind
  /// Permission bits, with set-uid, set-gid and sticky.
  package var mode: UInt32
  package var owner: Int
  package var group: Int
  /// Seconds since 1970, with their fraction where there is one: `1700000000.5`.
  package var modified: String
  /// Bytes; 0 for all but files.
  package var size: Int
  /// Of a file's content.
  package var sha256: String?
  /// Where a link leads, a device's numbers (`5:1`), or the first name of a file that has several.
  package var target: String?
  /// Extended attributes, in hexadecimal digits.
  package var extended: [String: String]?

  /// What of an entry may differ.
  package enum Aspect: String, Codable, Sendable, Hashable, CaseIterable {
    case added, removed
    case kind, content, target, mode, owner, extended, time
  }

  /// How another entry of the same path differs; empty for the same.
  func aspects(from other: ImageEntry) -> [Aspect] {
    if kind != other.kind { return [.kind] }
    return [
      (Aspect.content, (size, sha256) == (other.size, other.sha256)),
      (.target, target == other.target), (.mode, mode == other.mode),
      (.owner, (owner, group) == (other.owner, other.group)),
      (.extended, extended == other.extended),
      (.time, modified == other.modified),
    ].filter { !$0.1 }.map(\.0)
  }

  /// One of its aspects, in words.
  package func text(of aspect: Aspect) -> String {
    switch aspect {
    case .added, .removed: ""
    case .kind: kind.rawValue
    case .content: "\(size) bytes with SHA-256 \(sha256 ?? "none")"
    case .target: target?.quoted ?? "none"
    case .mode: "0" + String(mode, radix: 8)
    case .owner: "\(owner):\(group)"
    case .extended:
      extended.map { $0.map { "\($0)=\($1)" }.sorted().joined(separator: " ") } ?? "none"
    case .time: modified
    }
  }
}
