internal import Formats
internal import FoundationEssentials
internal import Subprocess
internal import SystemPackage

/// Checks OpenPGP signatures with gpgv, against the keys of given keyrings only.
///
/// GnuPG, doc/DETAILS, "Format of the --status-fd output".
struct SignatureVerifier {
  /// What a trusted key vouched for.
  struct Verified {
    /// The text that was signed: this, and not what it came in, is to be read.
    var text: [UInt8]
    /// The good ones, in their order.
    var signatures: [Signature]
  }

  /// A good signature, by fingerprints.
  struct Signature: Equatable {
    /// What made it: the primary key, or one of its subkeys.
    var key: String
    /// What is published, and what a keyring is made of.
    var primaryKey: String
  }

  /// SHA-256, SHA-384, SHA-512. RFC 9580, section 9.5.
  private static let soundHashes: Set<String> = ["8", "9", "10"]

  let keyrings: [Keyring]
  /// For what gpgv reads and writes.
  let temporaryFolder: String
  /// The keys of these that count; empty for all.
  var signers: [KeyFingerprint] = []
  /// What to do when none of the keys vouches for a text.
  var advice = "give the archive's keys with --keyring"

  /// A clear-signed message.
  func verify(clearsigned bytes: [UInt8], url: String) async throws -> Verified {
    let lines = try ClearsignedText.lines(bytes, url)
    let folder = try StagingDirectory(in: temporaryFolder)
    defer { withExtendedLifetime(folder) {} }
    try write(bytes, to: "\(folder.path)/signed")
    let status = try await run(
      ["--output", "\(folder.path)/text", "\(folder.path)/signed"], folder)
    do {
      let signatures = try judge(status, url)
      let text = try InputFile("\(folder.path)/text").readAll(limit: 1 << 26)
      // gpgv calls a signature good before it has written all of the text.
      guard ClearsignedText.lines(of: text) == lines else {
        throw KitError(
          .unverified, "\(url): what gpgv made of it is not what was signed", advice: "try again")
      }
      return Verified(text: text, signatures: signatures)
    } catch {
      // It says nothing clear of a full disk, which this does.
      try write(bytes, to: "\(folder.path)/text")
      throw error
    }
  }

  /// A text and a signature beside it.
  func verify(_ text: [UInt8], signature: [UInt8], url: String) async throws -> Verified {
    let folder = try StagingDirectory(in: temporaryFolder)
    defer { withExtendedLifetime(folder) {} }
    try write(text, to: "\(folder.path)/text")
    try write(signature, to: "\(folder.path)/signature")
    let status = try await run(["\(folder.path)/signature", "\(folder.path)/text"], folder)
    return Verified(text: text, signatures: try judge(status, url))
  }

  private func write(_ bytes: [UInt8], to path: String) throws {
    try OutputFile.write(bytes, to: path, mode: 0o600)
  }

  /// - Returns: what gpgv says on its status channel, which nothing else writes to.
  private func run(_ arguments: [String], _ folder: StagingDirectory) async throws -> String {
    var options = ["--homedir", folder.path, "--status-fd", "1"]
    for (number, keys) in try keyrings.flatMap({ try $0.binaries() }).enumerated() {
      let path = "\(folder.path)/keyring-\(number).gpg"
      try write(keys, to: path)
      options += ["--keyring", path]
    }
    do {
      return try await Subprocess.run(
        .name("gpgv"), arguments: Arguments(options + arguments), input: .none,
        output: .string(limit: 1 << 20), error: .discarded
      ).standardOutput
    } catch let error as SubprocessError {
      guard error.code == .executableNotFound else {
        throw KitError(.invalid, "gpgv can't be run: \(error)")
      }
      throw KitError(
        .missing, "gpgv is not installed", advice: "install gpgv (Fedora, Arch: gnupg)")
    }
  }

  /// - Throws: `KitError.unverified` unless there is a good signature, and no bad one.
  private func judge(_ status: String, _ url: String) throws(KitError) -> [Signature] {
    var good: [Signature] = []
    var problems: [String] = []
    var isGood = false
    for line in status.split(separator: "\n") where line.hasPrefix("[GNUPG:] ") {
      let words = line.dropFirst("[GNUPG:] ".count).split(separator: " ")
      let subject = words.count > 1 ? String(words[1]) : ""
      switch words.first {
      case "NEWSIG": isGood = false
      case "GOODSIG": isGood = true
      case "VALIDSIG" where isGood && words.count > 8:
        // Where the last field is missing, the key is a primary one.
        let primaryKey = words.count > 10 ? String(words[10]) : subject
        let signature = Signature(key: subject, primaryKey: primaryKey)
        if !Self.soundHashes.contains(String(words[8])) {
          problems.append("the signature of key \(subject) rests on a digest that proves nothing")
        } else if !signers.isEmpty, !signers.contains(where: { $0.takes(signature) }) {
          problems.append("the key \(subject) is none that Signed-By names")
        } else {
          good.append(signature)
        }
      case "BADSIG":
        throw KitError(
          .unverified, "\(url): has a bad signature of key \(subject): it is not what was signed",
          advice: "try again, or another mirror")
      case "EXPSIG": problems.append("the signature of key \(subject) has expired")
      case "EXPKEYSIG": problems.append("the key \(subject) has expired")
      case "REVKEYSIG": problems.append("the key \(subject) was revoked")
      case "NO_PUBKEY": problems.append("the key \(subject) is not in the keyring")
      case "ERRSIG" where words.count > 3 && ["1", "2", "3"].contains(String(words[3])):
        problems.append("the signature of key \(subject) rests on a digest that proves nothing")
      case "NODATA": problems.append("it is not signed")
      default: break
      }
    }
    guard good.isEmpty else { return good }
    let reason =
      problems.isEmpty ? "it has no signature that can be read" : problems.joined(separator: ", ")
    throw KitError(
      .unverified, "\(url): no trusted key vouches for it: \(reason)",
      advice: advice)
  }
}

/// A key that a source's `Signed-By` names. sources.list(5).
public struct KeyFingerprint: Sendable, Hashable {
  /// In capital letters.
  public var text: String
  /// Whether signatures of its subkeys do not count: `!` behind it.
  public var isExact: Bool

  public init(_ word: String) {
    isExact = word.hasSuffix("!")
    text = (isExact ? String(word.dropLast()) : word).uppercased()
  }

  /// What is no fingerprint is one that no key has, so that nothing is taken that apt refuses.
  static func signedBy(_ value: String) -> [KeyFingerprint] {
    guard !value.contains("-----BEGIN") else { return [] }
    return Keyring.words(ofSignedBy: value).filter { !$0.hasPrefix("/") }.map(KeyFingerprint.init)
  }

  func takes(_ signature: SignatureVerifier.Signature) -> Bool {
    text == signature.key || !isExact && text == signature.primaryKey
  }
}

/// Public keys.
public enum Keyring: Sendable, Hashable {
  /// A file of keys, binary or in ASCII armour.
  case file(String)
  /// Keys in ASCII armour.
  case text(String)
  /// Debian's, and those that apt takes for sources without `Signed-By`, below a root. apt-secure(8).
  case trusted(root: String)

  /// Debian's keys, as the package debian-archive-keyring has them.
  static let debian = "/usr/share/keyrings/debian-archive-keyring.gpg"
  private static let sizeLimit = 1 << 24

  /// Those of a source's `Signed-By`: files, or the keys themselves. sources.list(5).
  static func signedBy(_ value: String) -> [Keyring] {
    if value.contains("-----BEGIN") {
      // In a field, an empty line is written as a dot.
      let lines = value.split(separator: "\n", omittingEmptySubsequences: false)
      return [.text(lines.map { $0 == "." ? "" : String($0) }.joined(separator: "\n"))]
    }
    return words(ofSignedBy: value).filter { $0.hasPrefix("/") }.map { .file($0) }
  }

  static func words(ofSignedBy value: String) -> [String] {
    value.split { $0 == "," || $0.isWhitespace }.map(String.init)
  }

  /// The keys in the form that gpgv reads, file by file.
  func binaries() throws -> [[UInt8]] {
    switch self {
    case .text(let text): return [try inside("Signed-By") { try Self.dearmored(Array(text.utf8)) }]
    case .file(let path): return [try Self.binary(path)]
    case .trusted(let root):
      let apt = "\(root)/etc/apt"
      let parts = ((try? FileTree.names(in: "\(apt)/trusted.gpg.d")) ?? [])
        .filter { $0.hasSuffix(".gpg") || $0.hasSuffix(".asc") }
      let paths =
        ["\(root)\(Self.debian)", "\(apt)/trusted.gpg"] + parts.map { "\(apt)/trusted.gpg.d/\($0)" }
      // What is no file of keys vouches for nothing, for apt as well.
      return paths.compactMap { try? Self.binary($0) }.filter(Self.isKey)
    }
  }

  /// ASCII armour: RFC 9580, section 6.
  private static func binary(_ path: String) throws -> [UInt8] {
    let bytes = try InputFile(path).readAll(limit: sizeLimit)
    guard bytes.starts(with: "-----BEGIN".utf8) else { return bytes }
    return try inside(path) { try dearmored(bytes) }
  }

  /// Whether it begins with a public key packet, and is no keybox. RFC 9580, 4.2 and 5.
  private static func isKey(_ bytes: [UInt8]) -> Bool {
    bytes.first.map { (0x98...0x9b).contains($0) || $0 == 0xc6 } ?? false
  }

  /// - Throws: `FormatError.malformed` for text that is no armoured key.
  static func dearmored(_ bytes: [UInt8]) throws(FormatError) -> [UInt8] {
    var result: [UInt8] = []
    var isInBody = false
    var isInBlock = false
    var base64: [UInt8] = []
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      let text = String(decoding: line, as: UTF8.self).filter { !$0.isWhitespace }
      if text == "-----BEGINPGPPUBLICKEYBLOCK-----" {
        isInBlock = true
      } else if text == "-----ENDPGPPUBLICKEYBLOCK-----" {
        guard let keys = Data(base64Encoded: Data(base64)) else {
          throw FormatError(.malformed, "holds a key that is not Base64")
        }
        result += Array(keys)
        (isInBlock, isInBody, base64) = (false, false, [])
      } else if isInBlock, !isInBody {
        // Headers, then an empty line.
        isInBody = text.isEmpty
      } else if isInBody, !text.hasPrefix("=") {
        base64 += Array(text.utf8)
      }
    }
    guard !result.isEmpty else { throw FormatError(.malformed, "holds no public key") }
    return result
  }
}
