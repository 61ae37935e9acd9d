import Formats

@testable import KernelKit

/// What comes from mirrors, and what says where they are.
extension FuzzTarget {
  private static let origin = IndexedPackage.Origin(
    suite: DebianSuite(mirror: "http://m.invalid", suite: "s"),
    release: TrustedRelease(suite: "s", url: "", date: "", fingerprints: []), index: "",
    indexSHA256: "")

  private static func requireSHA256(_ text: String) {
    require(
      text.utf8.count == 64
        && text.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) },
      "a hash is 64 small hexadecimal digits")
  }

  static let debian = [
    FuzzTarget("deb") { bytes in
      let package = try DebArchive(file(bytes))
      try package.forEachEntry(jobs: 1) { entry, tar in
        requireInside(entry.path)
        _ = try tar.body(limit: unpackedLimit)
      }
    },
    FuzzTarget("control") { bytes in
      for paragraph in try ControlParagraph.parse(bytes) {
        require(!paragraph.isEmpty, "a paragraph has a field")
      }
    },
    FuzzTarget("packages") { bytes in
      try PackagesIndex.forEachPackage(
        in: MemorySource(bytes), of: origin, where: { _ in true }
      ) {
        require($0.size > 0 && !$0.file.isEmpty, "a package has a size and a file")
        requireInside($0.file)
        requireSHA256($0.sha256)
      }
    },
    FuzzTarget("release") { bytes in
      let release = try Release(reading: bytes)
      release.indexes.values.forEach {
        require($0.size >= 0, "a size is not negative")
        requireSHA256($0.sha256)
      }
    },
    FuzzTarget("clearsigned") { bytes in
      try ClearsignedText.check(bytes, "x")
      require(
        bytes.starts(with: "-----BEGIN PGP SIGNED MESSAGE-----".utf8), "nothing stands before it")
    },
    FuzzTarget("apt-sources") { bytes in
      for suite in AptSources.oneLine(bytes) + AptSources.deb822(bytes) {
        require(
          suite.mirror.hasPrefix("http://") || suite.mirror.hasPrefix("https://"),
          "a mirror is a web address")
      }
    },
    FuzzTarget("debian-version") { bytes in
      let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        .map { DebianVersion(String(decoding: $0, as: UTF8.self)) }
      guard parts.count == 2 else { return }
      require(!(parts[0] < parts[1] && parts[1] < parts[0]), "an order has one direction")
      require(!(parts[0] < parts[0]), "nothing is before itself")
    },
    FuzzTarget("keyring") { bytes in _ = try Keyring.dearmored(bytes) },
  ]

  static let alpine = [
    FuzzTarget("apk") { bytes in
      try ApkArchive(bytes, name: "x").forEachEntry { entry, tar in
        requireInside(entry.path)
        _ = try tar.body(limit: unpackedLimit)
      }
    },
    FuzzTarget("alpine-version") { bytes in
      let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
        .compactMap { AlpineVersion(String(decoding: $0, as: UTF8.self)) }
      guard parts.count == 2 else { return }
      require(!(parts[0] < parts[1] && parts[1] < parts[0]), "an order has one direction")
    },
  ]

  static let settings = [
    FuzzTarget("minivm.yaml") { bytes in _ = try Configuration(reading: bytes, path: "x") }
  ]
}
