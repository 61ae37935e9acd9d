internal import Crypto
internal import Formats

/// Files that were downloaded, by their hashes: what is in it is what it is called, or it is not used.
struct DownloadCache: Sendable {
  let environment: KitEnvironment

  /// A file with this hash, from the cache or from the first of the addresses that has it.
  /// - Parameters:
  ///   - size: bytes; more are never taken.
  ///   - name: what the file is called, for its path and for progress.
  /// - Throws: `KitError.unverified` when what comes is something else; nothing of it stays.
  func file(_ urls: [String], name: String, size: Int, sha256: String) throws -> String {
    let folder = "\(environment.cacheFolder)/files/\(sha256)"
    let path = "\(folder)/\(name)"
    if FileTree.status(path)?.size == size, try Digest.sha256(of: InputFile(path)) == sha256 {
      return path
    }
    try FileTree.makeDirectories(folder)
    for (number, url) in urls.enumerated() {
      do {
        try download(url, to: path, name: name, size: size, sha256: sha256)
        return path
      } catch let error as KitError where error.code == .missing && number < urls.count - 1 {
        continue  // not every mirror has names by hash
      }
    }
    return path
  }

  private func download(
    _ url: String, to path: String, name: String, size: Int, sha256: String
  ) throws {
    let output = try OutputFile(replacing: path)
    var hash = SHA256()
    var count = 0
    try environment.get(url) { piece in
      guard count + piece.count <= size else {
        throw KitError(
          .unverified, "\(url): is larger than the \(size) bytes that the archive says")
      }
      hash.update(data: piece)
      try output.write(piece, at: count)
      count += piece.count
      environment.progress.report(name, count, size)
    }
    let digest = Digest.text(hash.finalize())
    guard count == size, digest == sha256 else {
      throw KitError(
        .unverified,
        "\(url): has \(count) bytes with SHA-256 \(digest); the archive says \(size) and \(sha256)",
        advice: "try again, or another mirror")
    }
    try output.commit()
  }
}
