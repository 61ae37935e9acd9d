internal import Basics
internal import Formats
internal import Subprocess
internal import SystemPackage

/// A program that checks OpenPGP signatures.
package enum SignatureTool: String, Sendable, CaseIterable {
  /// Of GnuPG.
  case gpgv
  /// Of Sequoia, which Debian 13 has instead.
  case sqv
}

/// Checks OpenPGP signatures with gpgv or sqv, against the keys of given keyrings only.
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

  /// What the signatures of a text amount to, in their order.
  struct Findings {
    var good: [Signature] = []
    /// Why the others do not count.
    var problems: [String] = []
  }

  /// SHA-256, SHA-384, SHA-512. RFC 9580, section 9.5.
  private static let soundHashes: Set<Int> = [8, 9, 10]

  let keyrings: [Keyring]
  /// For what the tools read and write.
  let temporaryFolder: String
  /// What checks; nil for whichever there is.
  var tool: SignatureTool?
  /// The keys of these that count; empty for all.
  var signers: [KeyFingerprint] = []
  /// What to do when none of the keys vouches for a text.
  var advice = "give the archive's keys with --keyring"

  /// A clear-signed message.
  func verify(clearsigned bytes: [UInt8], url: String) async throws -> Verified {
    let (lines, signature) = try ClearsignedText.parts(bytes, url)
    return try await withTool(
      gpgv: { try await verifyWithGpgv(clearsigned: bytes, lines: lines, url: url) },
      sqv: {
        // The newline before the signature is not part of what was signed. RFC 9580, section 7.1.
        let text = Array(lines.joined(separator: [0x0a]))
        let signatures = try await verifyWithSqv(text, signature: signature, url: url)
        return Verified(text: text + [0x0a], signatures: signatures)
      })
  }

  /// A text and a signature beside it.
  func verify(_ text: [UInt8], signature: [UInt8], url: String) async throws -> Verified {
    let signatures = try await withTool(
      gpgv: { try await verifyWithGpgv(text, signature: signature, url: url) },
      sqv: { try await verifyWithSqv(text, signature: signature, url: url) })
    return Verified(text: text, signatures: signatures)
  }

  /// Runs what goes with the tool that there is.
  private func withTool<Result>(
    gpgv: () async throws -> Result, sqv: () async throws -> Result
  ) async throws -> Result {
    do {
      return try await tool == .sqv ? sqv() : gpgv()
    } catch is MissingTool {
      do {
        guard tool == nil else { throw MissingTool() }
        return try await sqv()
      } catch is MissingTool {
        throw KitError(
          .missing, "verifying signatures requires gpgv or sqv, and neither is installed",
          advice: "install gpgv or sqv (Fedora, Arch: gnupg)")
      }
    }
  }

  /// A tool that is not installed.
  private struct MissingTool: Error {}

  func write(_ bytes: [UInt8], to path: String) throws {
    try OutputFile.write(bytes, to: path, mode: 0o600)
  }

  /// Runs a tool with the keyrings, each as a file of keys.
  /// - Returns: its exit code, and what it wrote to stdout and stderr.
  func run(
    _ tool: SignatureTool, _ arguments: [String], _ folder: StagingDirectory
  ) async throws -> (isDone: Bool, output: String, errors: String) {
    var options: [String] = []
    for (number, keys) in try keyrings.flatMap({ try $0.binaries() }).enumerated() {
      let path = "\(folder.path)/keyring-\(number).gpg"
      try write(keys, to: path)
      options += ["--keyring", path]
    }
    do {
      let result = try await Subprocess.run(
        .name(tool.rawValue), arguments: Arguments(options + arguments), input: .none,
        output: .string(limit: 1 << 20), error: .string(limit: 1 << 20))
      return (
        result.terminationStatus.isSuccess, result.standardOutput, result.standardError
      )
    } catch let error as SubprocessError {
      guard error.code == .executableNotFound else {
        throw KitError(.invalid, "\(tool.rawValue) can't be run: \(error)")
      }
      throw MissingTool()
    }
  }

  /// Adds a signature that is good by its key: the digest has to be sound, and the key one that counts.
  func add(_ signature: Signature, digest: Int, to findings: inout Findings) {
    if !Self.soundHashes.contains(digest) {
      findings.problems.append(
        "the signature of key \(signature.key) uses an insecure digest")
    } else if !signers.isEmpty, !signers.contains(where: { $0.takes(signature) }) {
      findings.problems.append("the key \(signature.key) is not one that Signed-By names")
    } else {
      findings.good.append(signature)
    }
  }

  static func isSound(digest: Int) -> Bool { soundHashes.contains(digest) }

  /// - Returns: the good signatures.
  /// - Throws: `KitError.unverified` where there is none.
  func judge(_ findings: Findings, _ url: String) throws(KitError) -> [Signature] {
    guard findings.good.isEmpty else { return findings.good }
    let reason =
      findings.problems.isEmpty
      ? "it has no readable signature" : findings.problems.joined(separator: ", ")
    throw KitError(
      .unverified, "\(url): not signed by a trusted key: \(reason)", advice: advice)
  }

  static func bad(_ url: String, key: String) -> KitError {
    KitError(
      .unverified, "\(url): bad signature by key \(key): the content was changed",
      advice: "try again, or use another mirror")
  }
}
