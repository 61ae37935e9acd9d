public import Formats

/// What an archive says of one of its packages.
public struct IndexedPackage: Sendable, Equatable {
  public var name: String
  public var version: DebianVersion
  public var architecture: String
  /// What `Depends` names, without alternatives.
  public var dependencies: [Dependency]
  /// The path below the archive's base.
  public var file: String
  /// Bytes of the .deb.
  public var size: Int
  /// Of the .deb, in small hexadecimal digits.
  public var sha256: String
  public var origin: Origin

  /// Its address.
  var url: String { "\(origin.suite.mirror)/\(DebianRepository.escaped(file))" }

  /// A package that another one needs.
  public struct Dependency: Sendable, Hashable {
    public var name: String
    /// Nil when not one version alone will do.
    public var exactVersion: String?
  }

  /// The index that the package stands in, and what vouches for that.
  public struct Origin: Sendable, Hashable {
    public var suite: DebianSuite
    public var release: TrustedRelease
    /// Its address.
    public var index: String
    public var indexSHA256: String

    public init(suite: DebianSuite, release: TrustedRelease, index: String, indexSHA256: String) {
      self.suite = suite
      self.release = release
      self.index = index
      self.indexSHA256 = indexSHA256
    }
  }
}

/// An archive's list of packages.
public enum PackagesIndex {
  /// Hands on the packages whose names `isWanted` takes. Paragraphs of others are not parsed: an
  /// index has 60,000 of them.
  public static func forEachPackage(
    in source: any ByteSource, of origin: IndexedPackage.Origin,
    where isWanted: (Substring) -> Bool,
    _ receive: (IndexedPackage) -> Void
  ) throws {
    var text: [UInt8] = []
    while true {
      let piece = try source.next()
      // No paragraph ends before the last byte of what was searched already.
      var searched = max(0, text.count - 1)
      text.append(contentsOf: piece)
      var start = 0
      // All paragraphs but the last, which may go on in the next piece.
      while let end = endOfParagraph(text.span, from: max(start, searched)) {
        try read(text[start..<end], origin, isWanted, receive)
        start = end
        searched = end
      }
      if piece.isEmpty {
        try read(text[start...], origin, isWanted, receive)
        return
      }
      text.removeFirst(start)
      guard text.count < 16 << 20 else {
        throw FormatError(.limit, "a package's paragraph is too long")
      }
    }
  }

  /// Where the next two newlines in a row end. Every other byte is looked at: two newlines can't hide
  /// between them.
  private static func endOfParagraph(_ bytes: Span<UInt8>, from start: Int) -> Int? {
    let newline: UInt8 = 0x0a
    var position = start + 1
    while position < bytes.count {
      if bytes[position] == newline {
        if bytes[position - 1] == newline { return position + 1 }
        if position + 1 < bytes.count, bytes[position + 1] == newline { return position + 2 }
      }
      position += 2
    }
    return nil
  }

  private static let nameField = Array("Package: ".utf8)

  private static func read(
    _ bytes: ArraySlice<UInt8>, _ origin: IndexedPackage.Origin, _ isWanted: (Substring) -> Bool,
    _ receive: (IndexedPackage) -> Void
  ) throws {
    let bytes = bytes.drop { $0 == 0x0a }
    guard bytes.starts(with: nameField) else { return }
    let name = String(
      decoding: bytes.dropFirst(nameField.count).prefix { $0 != 0x0a }, as: UTF8.self)
    guard isWanted(name[...]), let paragraph = try ControlParagraph.parse(Array(bytes)).first else {
      return
    }
    guard paragraph.word("Package") == name, let version = paragraph.word("Version"),
      let architecture = paragraph.word("Architecture"), let file = paragraph.word("Filename"),
      let size = paragraph["Size"].flatMap({ Int($0) }), size > 0,
      let sha256 = paragraph["SHA256"]?.lowercased(), sha256.utf8.count == 64,
      sha256.utf8.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit })
    else {
      throw FormatError(
        .malformed,
        "the paragraph of \(name.quoted) lacks a sound Version, Filename, Size or SHA256")
    }
    let path = try ArchivePath.normalize(file.utf8)
    guard !path.isEmpty else {
      throw FormatError(
        .malformed, "the paragraph of \(name.quoted) has the Filename \(file.quoted)")
    }
    receive(
      IndexedPackage(
        name: name, version: DebianVersion(version), architecture: architecture,
        dependencies: dependencies(paragraph["Depends"] ?? ""), file: path, size: size,
        sha256: sha256,
        origin: origin))
  }

  /// deb-control(5), Depends: `name (= version) | alternative, name:arch`.
  private static func dependencies(_ depends: String) -> [IndexedPackage.Dependency] {
    depends.split(separator: ",").compactMap { relation in
      guard let first = relation.split(separator: "|").first,
        let name = first.split(whereSeparator: { " (:\n".contains($0) }).first
      else { return nil }
      let words = first.drop { $0 != "(" }.split { "() \n".contains($0) }
      let exact = words.first == "=" && words.count == 2 ? String(words[1]) : nil
      return IndexedPackage.Dependency(name: String(name), exactVersion: exact)
    }
  }
}
