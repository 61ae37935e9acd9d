internal import Basics
internal import Formats

/// sqv(1). It says which certificate a signature is of, and not which of its keys: so each signature is
/// handed to it alone, and what it says of its key is read here.
extension SignatureVerifier {
  /// - Throws: `KitError.unverified` for a bad signature, whatever stands beside it, and for none that is
  ///   good.
  func verifyWithSqv(
    _ text: [UInt8], signature: [UInt8], url: String
  ) async throws -> [Signature] {
    let folder = try StagingDirectory(in: temporaryFolder)
    defer { withExtendedLifetime(folder) {} }
    let (textPath, path) = ("\(folder.path)/text", "\(folder.path)/signature")
    try write(text, to: textPath)
    let now = Machine.now
    let known = try keyrings.flatMap { try $0.binaries() }.flatMap(OpenPGP.keys)
    var findings = Findings()
    // What is no signature vouches for nothing.
    for signature in (try? OpenPGP.signatures(signature)) ?? [] {
      let key = known.first { signature.isMade(by: $0.fingerprint) }
      let name = key?.fingerprint ?? signature.issuer ?? "of an unknown owner"
      guard Self.isSound(digest: signature.digest) else {
        findings.problems.append(
          "the signature of key \(name) uses an insecure digest")
        continue
      }
      guard let key else {
        findings.problems.append("the key \(name) is not in the keyring")
        continue
      }
      // sqv takes what a key has signed before it expired.
      if let end = key.end, end < now {
        findings.problems.append("the key \(name) has expired")
        continue
      }
      if let end = signature.end, end < now {
        findings.problems.append("the signature of key \(name) has expired")
        continue
      }
      try write(signature.bytes, to: path)
      let result = try await run(.sqv, ["--verbose", "--", path, textPath], folder)
      let primaryKey = result.output.split(whereSeparator: \.isWhitespace).first.map(String.init)
      if result.isDone, let primaryKey {
        add(
          Signature(key: key.fingerprint, primaryKey: primaryKey), digest: signature.digest,
          to: &findings)
        continue
      }
      let errors = result.errors.lowercased()
      if errors.contains("revoked") {
        findings.problems.append("the key \(name) was revoked")
      } else if errors.contains("policy rejected") || errors.contains("not considered secure") {
        findings.problems.append("the key \(name) is too weak for sqv")
      } else {
        throw Self.bad(url, key: name)
      }
    }
    return try judge(findings, url)
  }
}
