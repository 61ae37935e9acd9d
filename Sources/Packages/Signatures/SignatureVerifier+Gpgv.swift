internal import Basics
internal import Formats

/// GnuPG, doc/DETAILS, "Format of the --status-fd output".
extension SignatureVerifier {
  func verifyWithGpgv(
    clearsigned bytes: [UInt8], lines: [ArraySlice<UInt8>], url: String
  ) async throws -> Verified {
    let folder = try StagingDirectory(in: temporaryFolder)
    defer { withExtendedLifetime(folder) {} }
    try write(bytes, to: "\(folder.path)/signed")
    let status = try await status(
      ["--output", "\(folder.path)/text", "\(folder.path)/signed"], folder)
    do {
      let signatures = try judge(findings(status, url), url)
      let text = try InputFile("\(folder.path)/text").readAll(limit: 1 << 26)
      // gpgv calls a signature good before it has written all of the text.
      guard ClearsignedText.lines(of: text) == lines else {
        throw KitError(
          .unverified, "\(url): gpgv's output differs from the signed text", advice: "try again")
      }
      return Verified(text: text, signatures: signatures)
    } catch {
      // It says nothing clear of a full disk, which this does.
      try write(bytes, to: "\(folder.path)/text")
      throw error
    }
  }

  func verifyWithGpgv(
    _ text: [UInt8], signature: [UInt8], url: String
  ) async throws -> [Signature] {
    let folder = try StagingDirectory(in: temporaryFolder)
    defer { withExtendedLifetime(folder) {} }
    try write(text, to: "\(folder.path)/text")
    try write(signature, to: "\(folder.path)/signature")
    let status = try await status(["\(folder.path)/signature", "\(folder.path)/text"], folder)
    return try judge(findings(status, url), url)
  }

  /// - Returns: what gpgv says on its status channel, which nothing else writes to.
  private func status(_ arguments: [String], _ folder: StagingDirectory) async throws -> String {
    try await run(
      .gpgv, ["--homedir", folder.path, "--status-fd", "1"] + arguments, folder
    ).output
  }

  /// - Throws: `KitError.unverified` for a bad signature, whatever stands beside it.
  private func findings(_ status: String, _ url: String) throws(KitError) -> Findings {
    var findings = Findings()
    var isGood = false
    for line in status.split(separator: "\n") where line.hasPrefix("[GNUPG:] ") {
      let words = line.dropFirst("[GNUPG:] ".count).split(separator: " ")
      let subject = words.count > 1 ? String(words[1]) : ""
      func report(_ problem: String) { findings.problems.append(problem) }
      switch words.first {
      case "NEWSIG": isGood = false
      case "GOODSIG": isGood = true
      case "VALIDSIG" where isGood && words.count > 8:
        // Where the last field is missing, the key is a primary one.
        let primaryKey = words.count > 10 ? String(words[10]) : subject
        add(
          Signature(key: subject, primaryKey: primaryKey), digest: Int(words[8]) ?? 0,
          to: &findings)
      case "BADSIG": throw Self.bad(url, key: subject)
      case "EXPSIG": report("the signature of key \(subject) has expired")
      case "EXPKEYSIG": report("the key \(subject) has expired")
      case "REVKEYSIG": report("the key \(subject) was revoked")
      case "NO_PUBKEY": report("the key \(subject) is not in the keyring")
      case "ERRSIG" where words.count > 3 && ["1", "2", "3"].contains(String(words[3])):
        report("the signature of key \(subject) uses an insecure digest")
      case "NODATA": report("it is not signed")
      default: break
      }
    }
    return findings
  }
}
