package import Formats

/// A package as an archive's signed index describes it.
package struct IndexedPackage: PackageReference, Equatable {
  /// The package's name.
  package var name: String
  /// The package's version.
  package var version: DebianVersion
  /// The package's architecture, by Debian's name, or `all`.
  package var architecture: String
  /// What `Depends` names.
  package var dependencies: [Dependency]
  /// The path below the archive's base.
  package var file: String
  /// Bytes of the .deb.
  package var size: Int
  /// Of the .deb.
  package var hash: FileHash
  /// What vouches for it.
  package var origin: Origin

  /// The name, version and architecture in the index.
  package var identity: PackageIdentity {
    PackageIdentity(name: name, version: version.description, architecture: architecture)
  }

  /// The name of the file.
  package var fileName: String { FileTree.name(of: file) }

  /// The steps from the signed list to the package.
  package var chain: SignatureChain? {
    SignatureChain(
      release: origin.release, index: origin.index, indexSHA256: origin.indexSHA256)
  }

  /// Its address.
  package var url: String { "\(origin.suite.mirror)/\(DebianRepository.escaped(file))" }

  /// A package that another one needs.
  package struct Dependency: Sendable, Hashable {
    /// The name of the package that is needed.
    package var name: String
    /// Nil when not one version alone will do.
    package var exactVersion: String?
    /// What will do instead, the best first.
    package var alternatives: [Dependency] = []
  }

  /// The index that the package stands in, and what vouches for that.
  package struct Origin: Sendable, Hashable {
    /// The suite of the index.
    package var suite: DebianSuite
    /// The signed list that names the index.
    package var release: TrustedRelease
    /// Its address.
    package var index: String
    /// The SHA-256 of the index, as it was downloaded.
    package var indexSHA256: String

    /// Makes the origin of the packages of an index.
    package init(suite: DebianSuite, release: TrustedRelease, index: String, indexSHA256: String) {
      self.suite = suite
      self.release = release
      self.index = index
      self.indexSHA256 = indexSHA256
    }
  }
}

/// An archive's list of packages.
package enum PackagesIndex {
  /// Hands on the packages whose names `isWanted` takes. Paragraphs of others are not parsed: an
  /// index has 60,000 of them.
  package static func forEachPackage(
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
      let size = paragraph["Size"].flatMap({ Int(digits: $0) }), size > 0,
      let hash = hash(paragraph)
    else {
      throw FormatError(
        .malformed,
        "the paragraph of \(name.quoted) lacks a valid Version, Filename, Size or SHA256 (or SHA512)"
      )
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
        hash: hash, origin: origin))
  }

  /// A hash that is there and unsound is not passed over for another.
  private static func hash(_ paragraph: ControlParagraph) -> FileHash? {
    let first = [FileHash.Algorithm.sha256, .sha512].first { paragraph[$0.rawValue] != nil }
    return first.flatMap { FileHash($0, paragraph[$0.rawValue] ?? "") }
  }

  /// deb-control(5), Depends: `name (= version) | alternative, name:arch`.
  private static func dependencies(_ depends: String) -> [IndexedPackage.Dependency] {
    depends.split(separator: ",").compactMap { relation in
      let all = relation.split(separator: "|").compactMap { choice -> IndexedPackage.Dependency? in
        guard let name = choice.split(whereSeparator: { " (:\n".contains($0) }).first else {
          return nil
        }
        let words = choice.drop { $0 != "(" }.split { "() \n".contains($0) }
        let exact = words.first == "=" && words.count == 2 ? String(words[1]) : nil
        return IndexedPackage.Dependency(name: String(name), exactVersion: exact)
      }
      guard var first = all.first else { return nil }
      first.alternatives = Array(all.dropFirst())
      return first
    }
  }
}
