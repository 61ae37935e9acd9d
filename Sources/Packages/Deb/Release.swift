package import Formats
internal import FoundationEssentials

/// A suite's list of its indexes, with their hashes.
///
/// Debian wiki, "DebianRepository/Format", section "Release files".
package struct Release: Sendable, Hashable {
  /// An index that the suite has.
  package struct Index: Sendable, Hashable {
    /// Bytes.
    package var size: Int
    /// The hash that the list states.
    package var hash: FileHash
  }

  /// Who made the archive, what it is called, and the names of the suite: what apt notices changes of.
  package var origin: String?
  /// The field Label; nil where there is none.
  package var label: String?
  /// The field Suite; nil where there is none.
  package var suite: String?
  /// The field Codename; nil where there is none.
  package var codename: String?
  /// Of those parts that packages are sorted into; empty for a list without such.
  package var components: [String]
  /// When it was made, in seconds since 1970.
  package var date: Int
  /// When it stops being valid, in seconds since 1970; nil for never.
  package var validUntil: Int?
  /// Whether indexes can be asked for by their hash.
  package var hasHashedNames: Bool
  /// By paths below the suite's folder, such as `main/binary-amd64/Packages.xz`.
  package var indexes: [String: Index]
  /// Debian's names of those that the list says it has packages for; empty where it does not say.
  private var namedArchitectures: [String]

  /// - Parameter text: what was verified, nothing else.
  /// - Throws: `FormatError.malformed` for what is no such list, `.unsupported` for one that has only
  ///   hashes that prove nothing.
  package init(reading text: [UInt8]) throws(FormatError) {
    let paragraphs = try ControlParagraph.parse(text)
    guard let fields = paragraphs.first, paragraphs.count == 1 else {
      throw FormatError(.malformed, "has \(paragraphs.count) paragraphs instead of one")
    }
    guard let dateText = fields["Date"], let date = ArchiveDate.seconds(dateText) else {
      throw FormatError(.malformed, "has no readable Date")
    }
    self.date = date
    if let text = fields["Valid-Until"] {
      guard let seconds = ArchiveDate.seconds(text) else {
        throw FormatError(.malformed, "has an unreadable Valid-Until: \(text.quoted)")
      }
      validUntil = seconds
    }
    func words(_ field: String) -> [String] {
      (fields[field] ?? "").split(whereSeparator: \.isWhitespace).map(String.init)
    }
    (origin, label) = (fields["Origin"], fields["Label"])
    (suite, codename) = (fields["Suite"], fields["Codename"])
    components = words("Components")
    namedArchitectures = words("Architectures")
    hasHashedNames = fields["Acquire-By-Hash"]?.lowercased() == "yes"
    let lists: [(FileHash.Algorithm, String)] = [.sha256, .sha512].compactMap { algorithm in
      fields[algorithm.rawValue].map { (algorithm, $0) }
    }
    guard let (algorithm, list) = lists.first else {
      throw FormatError(
        .unsupported, "has no SHA256 or SHA512 of its indexes, only insecure hashes")
    }
    indexes = [:]
    for line in list.split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count == 3, let hash = FileHash(algorithm, words[0]),
        let size = Int(digits: words[1])
      else { throw FormatError(.malformed, "has a malformed line: \(String(line).quoted)") }
      // A flat archive may list `./Packages`.
      indexes[String(words[2].hasPrefix("./") ? words[2].dropFirst(2) : words[2])] = Index(
        size: size, hash: hash)
    }
  }

  /// Debian's names of those that it has indexes of packages for.
  var architectures: Set<String> {
    let found = Set(
      indexes.keys.compactMap { path -> String? in
        let parts = path.split(separator: "/")
        guard parts.count >= 3, parts[parts.count - 2].hasPrefix("binary-") else { return nil }
        return String(parts[parts.count - 2].dropFirst("binary-".count))
      })
    return found.isEmpty ? Set(namedArchitectures) : found
  }

  /// Whether the suite may be called so.
  func isCalled(_ name: String) -> Bool {
    name == suite || name == codename
  }
}

/// Points in time as people give them.
package enum PointInTime {
  /// Seconds since 1970 of `2026-03-01`, its beginning in universal time, or `2026-03-01T12:00:00Z`.
  package static func seconds(_ text: String) -> Int? {
    let whole = text.contains("T") ? text : "\(text)T00:00:00Z"
    guard let date = try? Date(whole, strategy: .iso8601) else { return nil }
    return Int(exactly: date.timeIntervalSince1970)
  }
}

/// Dates of archives: `Sat, 11 Jul 2026 10:16:37 UTC`. RFC 5322, section 3.3.
enum ArchiveDate {
  private static let months = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
  ]

  /// Seconds since 1970; nil for what is no such date in universal time.
  static func seconds(_ text: String) -> Int? {
    let words = text.split(whereSeparator: \.isWhitespace)
    guard words.count == 6, words[0].hasSuffix(","),
      ["UTC", "GMT", "+0000", "Z"].contains(words[5]),
      let month = months.firstIndex(of: String(words[2]))
    else { return nil }
    let iso = "\(words[3])-\(padded(month + 1))-\(padded(Int(words[1]) ?? 0))T\(words[4])Z"
    return PointInTime.seconds(iso)
  }

  /// `2026-07-11T10:16:37Z`, for messages and manifests.
  static func text(_ seconds: Int) -> String {
    Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
  }

  private static func padded(_ number: Int) -> String {
    number < 10 ? "0\(number)" : "\(number)"
  }
}
