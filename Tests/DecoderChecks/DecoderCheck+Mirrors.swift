import Formats

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// What comes from mirrors, and what says where they are.
extension DecoderCheck {
  private static let origin = IndexedPackage.Origin(
    suite: DebianSuite(mirror: "http://m.invalid", suite: "s"),
    release: TrustedRelease(suite: "s", url: "", date: "", fingerprints: [], signingKeys: []),
    index: "",
    indexSHA256: "")

  private static func requireHash(_ hash: FileHash) throws(BrokenPromise) {
    try require(
      hash.text.utf8.count == hash.algorithm.digits
        && hash.text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) },
      "a hash is as many small hexadecimal digits as its kind has")
  }

  static let debian = [
    DecoderCheck("deb") { bytes in
      let package = try DebArchive(file(bytes))
      try package.forEachEntry(jobs: 1) { entry, tar in
        try requireInside(entry.path)
        _ = try tar.body(limit: unpackedLimit)
      }
    },
    DecoderCheck("control") { bytes in
      for paragraph in try ControlParagraph.parse(bytes) {
        try require(!paragraph.isEmpty, "a paragraph has a field")
      }
    },
    DecoderCheck("packages") { bytes in
      var packages: [IndexedPackage] = []
      // What came before an error was handed on, too.
      let result = Result {
        try PackagesIndex.forEachPackage(
          in: MemorySource(bytes), of: origin, where: { _ in true }
        ) { packages.append($0) }
      }
      for package in packages {
        try require(package.size > 0 && !package.file.isEmpty, "a package has a size and a file")
        try requireInside(package.file)
        try requireHash(package.hash)
      }
      try result.get()
    },
    DecoderCheck("release") { bytes in
      let release = try Release(reading: bytes)
      for index in release.indexes.values {
        try require(index.size >= 0, "a size is not negative")
        try requireHash(index.hash)
      }
    },
    DecoderCheck("clearsigned") { bytes in
      let lines = try ClearsignedText.parts(bytes, "x").lines
      try require(
        bytes.starts(with: "-----BEGIN PGP SIGNED MESSAGE-----".utf8), "nothing stands before it")
      try require(lines.allSatisfy { !$0.contains(0x0a) }, "a line is one")
    },
    DecoderCheck("apt-sources") { bytes in
      for suite in AptSources.oneLine(bytes) + AptSources.deb822(bytes) {
        try require(
          suite.mirror.hasPrefix("http://") || suite.mirror.hasPrefix("https://"),
          "a mirror is a web address")
      }
    },
    DecoderCheck("debian-version") { bytes in
      let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        .map { DebianVersion(String(decoding: $0, as: UTF8.self)) }
      guard parts.count == 2 else { return }
      try require(!(parts[0] < parts[1] && parts[1] < parts[0]), "an order has one direction")
      try require(!(parts[0] < parts[0]), "nothing is before itself")
    },
    DecoderCheck("keyring") { bytes in
      _ = OpenPGP.keys(of: bytes)
      _ = OpenPGP.keys(of: try Armour.decoded(bytes, .publicKey))
    },
    DecoderCheck("signature") { bytes in
      for signature in try OpenPGP.signatures(bytes) {
        try require(signature.bytes.count <= bytes.count, "a signature is a part of what was read")
      }
    },
  ]

  static let alpine = [
    DecoderCheck("apk") { bytes in
      try ApkArchive(bytes, name: "x").walk(jobs: 1) { entry, body in
        try requireInside(entry.path)
        _ = try SourceReader(body).readToEnd(limit: unpackedLimit)
      }
    },
    DecoderCheck("alpine-version") { bytes in
      let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        .compactMap { AlpineVersion(String(decoding: $0, as: UTF8.self)) }
      guard parts.count == 2 else { return }
      try require(!(parts[0] < parts[1] && parts[1] < parts[0]), "an order has one direction")
    },
  ]

  static let settings = [
    DecoderCheck("minivm.yaml") { bytes in _ = try Configuration(reading: bytes, path: "x") }
  ]
}
