package import Basics
package import Formats
internal import Synchronization

/// Files that were downloaded, by what proves them: a file is what its folder says, or it is not used.
///
/// `files/KEY/NAME` is complete, and is proved again whenever it is used; the file that is handed on is open, so
/// that nothing can come in its place afterwards. `partial/KEY` is the part of a file that came so far; it is locked
/// while a run writes it, and any later run goes on with it. KEY is a SHA-256 or a SHA-512, or the key of
/// `FileProof.judged`.
package struct DownloadCache: Sendable {
  /// A file whose size and proof a trusted list states.
  package struct Wanted: Sendable {
    /// Where it may be, the best first; the next is asked when a server does not have it.
    var urls: [String]
    /// What it is called, for its path and for progress.
    var name: String
    /// Bytes; more are never taken.
    var size: Int
    var proof: FileProof
  }

  /// How many files come at once.
  private static let width = 4

  private let network: Network
  private let cache: Cache
  private let progress: Progress

  /// Makes downloads that a cache keeps.
  /// - Parameter network: one that is offline adds nothing to the cache.
  package init(_ cache: Cache, _ network: Network, progress: Progress) {
    (self.cache, self.network, self.progress) = (cache, network, progress)
  }

  /// A file with this hash, from the cache or from the first of the addresses that has it.
  /// - Throws: `KitError.unverified` when what comes is something else; nothing of it stays.
  package func file(_ urls: [String], name: String, size: Int, hash: FileHash) throws -> InputFile {
    try file(Wanted(urls: urls, name: name, size: size, proof: .hash(hash)))
  }

  /// Returns a file from the cache, or from the first of its addresses that has it.
  /// - Throws: `KitError.unverified` when another file comes; nothing of it stays.
  package func file(_ wanted: Wanted) throws -> InputFile {
    try file(wanted, DownloadTally([wanted], progress))
  }

  /// Returns the paths of complete files that may be the one with a SHA-256: the one under that hash, then those of
  /// its name and size that lists with other hashes have named. None of them has been checked.
  /// - Parameter size: bytes; nil for any.
  package func paths(named name: String, size: Int?, sha256: String) -> [String] {
    let root = "\(cache.folder)/files"
    func names(_ folder: String) -> [String] { (try? FileTree.names(in: folder)) ?? [] }
    let keys = names(root).filter { FileHash(.sha256, $0) == nil }
    return names("\(root)/\(sha256)").map { "\(root)/\(sha256)/\($0)" }
      + keys.map { "\(root)/\($0)/\(name)" }.filter {
        guard let status = FileTree.status($0), status.kind == .file else { return false }
        return size == nil || size == status.size
      }
  }

  /// Several files, which come side by side.
  /// - Throws: `KitError.unverified` when another file comes; then the others end, too.
  package func files(_ wanted: [Wanted]) throws -> [InputFile] {
    let tally = DownloadTally(wanted, progress)
    return try OrderedWork.map(wanted, jobs: Self.width) { wanted in
      do {
        return try file(wanted, tally)
      } catch {
        throw tally.stop(error)
      }
    }
  }

  private func file(_ wanted: Wanted, _ tally: DownloadTally) throws -> InputFile {
    let folder = "\(cache.folder)/files/\(wanted.proof.key)"
    let path = "\(folder)/\(wanted.name)"
    if let file = try sound(path, wanted) { return file }
    if network.isOffline { throw Network.notInCache(wanted.urls.first ?? wanted.name) }
    try cache.makeFolder("\(cache.folder)/partial")
    let partial = try PartialFile("\(cache.folder)/partial/\(wanted.proof.key)")
    defer { if partial.size == 0 { partial.remove() } }
    // Another process may have brought it while we waited for the lock.
    if let file = try sound(path, wanted) {
      try partial.truncate(to: 0)
      return file
    }
    for (number, url) in wanted.urls.enumerated() {
      do {
        try fill(partial, from: url, wanted, tally)
        break
      } catch let error as KitError where error.isAbsence && number < wanted.urls.count - 1 {
        continue  // not every mirror has names by hash
      }
    }
    // Not before: an empty folder would stay after a failure.
    try FileTree.makeDirectories(folder)
    try partial.publish(to: path)
    guard let file = try sound(path, wanted) else {
      throw KitError(
        .invalid, "\(path): differs from what was written to it", advice: "check the disk")
    }
    return file
  }

  /// - Returns: nil when there is no such file, or another one in its place.
  private func sound(_ path: String, _ wanted: Wanted) throws -> InputFile? {
    guard FileTree.status(path)?.kind == .file else { return nil }
    let file = try InputFile(path)
    guard file.size == wanted.size else { return nil }
    switch wanted.proof {
    case .hash(let hash):
      return try FileHash(of: file, hash.algorithm) == hash ? file : nil
    case .judged(_, let judge):
      do {
        try judge(file)
      } catch {
        // Another download may be better, and without a network this is the reason.
        if network.isOffline { throw error }
        return nil
      }
      return file
    }
  }

  /// Brings what is missing. Where that does not fit to what was there, once more from the start.
  private func fill(
    _ partial: PartialFile, from url: String, _ wanted: Wanted, _ tally: DownloadTally
  ) throws {
    if partial.size > wanted.size { try partial.truncate(to: 0) }
    let isResumed = partial.size > 0
    do {
      try append(to: partial, from: url, wanted, tally)
    } catch let error as KitError where error.code == .unverified {
      try partial.truncate(to: 0)
      guard isResumed else { throw error }
      do {
        try append(to: partial, from: url, wanted, tally)
      } catch let error as KitError where error.code == .unverified {
        try partial.truncate(to: 0)
        throw error
      }
    }
  }

  private func append(
    to partial: PartialFile, from url: String, _ wanted: Wanted, _ tally: DownloadTally
  ) throws {
    var hash = wanted.proof.hash.map { HashComputation($0.algorithm.function) }
    var count = partial.size
    if let hash { count = try Digest.update(hash, from: partial.read) }
    tally.report(wanted, count)
    if count < wanted.size {
      try network.download(url, from: count, to: wanted.size, isResumed: true) {
        piece, offset in
        try tally.check()
        if offset == 0, count > 0 {
          hash = wanted.proof.hash.map { HashComputation($0.algorithm.function) }
          count = 0
          try partial.truncate(to: 0)
        }
        // Its end is not to be taken for a transfer that broke off.
        if count == 0, WebPage.isBegun(by: piece) { throw WebPage.refusal(url) }
        guard offset == count, piece.count <= wanted.size - count else {
          throw refusal(
            "is larger than the \(wanted.size) bytes that the archive states", partial, url)
        }
        try partial.write(piece, at: count)
        hash?.update(piece)
        count += piece.count
        tally.report(wanted, count)
      }
    }
    switch wanted.proof {
    case .hash(let known):
      let digest = hash.map { Digest.text($0.finalize()) } ?? ""
      guard count == wanted.size, digest == known.text else {
        throw refusal(
          "has \(count) bytes with \(known.algorithm.title) \(digest); the archive states \(wanted.size) and \(known.text)",
          partial, url)
      }
    case .judged(_, let judge):
      do {
        try judge(InputFile(partial.path))
      } catch {
        // A web page may have the wanted size.
        let start = (try? partial.read(at: 0, count: WebPage.length)) ?? []
        try partial.truncate(to: 0)
        throw WebPage.isBegun(by: start) ? WebPage.refusal(url) : error
      }
    }
  }

  private func refusal(_ reason: String, _ partial: PartialFile, _ url: String) -> KitError {
    let start = (try? partial.read(at: 0, count: WebPage.length)) ?? []
    if WebPage.isBegun(by: start) { return WebPage.refusal(url) }
    return KitError(.unverified, "\(url): \(reason)", advice: "try again, or use another mirror")
  }
}

/// How far several downloads are, and whether one of them has failed.
private final class DownloadTally: Sendable {
  private struct State {
    var counts: [String: Int] = [:]
    var failure: (any Error)?
  }

  private let stage: String
  private let total: Int
  private let progress: Progress
  private let state = Mutex(State())

  /// Counts the bytes of some files.
  package init(_ wanted: [DownloadCache.Wanted], _ progress: Progress) {
    stage = wanted.count == 1 ? wanted[0].name : "\(wanted.count) files"
    total = wanted.reduce(0) { $0.addingSaturated($1.size) }
    self.progress = progress
  }

  /// Notes how many bytes of a file have come, and shows those of all.
  package func report(_ wanted: DownloadCache.Wanted, _ count: Int) {
    let done = state.withLock { state in
      state.counts[wanted.proof.key] = count
      return state.counts.values.reduce(0, +)
    }
    progress.report(stage, done, total)
  }

  /// Ends the others.
  /// - Returns: what failed first.
  package func stop(_ error: any Error) -> any Error {
    state.withLock { state in
      state.failure = state.failure ?? error
      return state.failure ?? error
    }
  }

  /// Ends a download when another one has failed.
  /// - Throws: the failure.
  package func check() throws {
    if let failure = state.withLock({ $0.failure }) { throw failure }
  }
}

/// What a network that wants its users to sign in sends for everything.
enum WebPage {
  /// Bytes that are enough to know one.
  package static let length = 256

  /// Returns whether bytes begin as HTML does.
  package static func isBegun(by bytes: some Collection<UInt8>) -> Bool {
    let text = String(decoding: bytes.prefix(length), as: UTF8.self).lowercased()
      .drop { $0.isWhitespace || $0 == "\u{feff}" }
    return ["<!doctype html", "<html", "<head", "<script", "<meta"].contains(where: text.hasPrefix)
  }

  /// Returns the error for an address that sent a page.
  package static func refusal(_ url: String) -> KitError {
    KitError(
      .unverified, "\(url): is a web page, not the requested file",
      advice: "this network may require you to sign in: open any page in a browser, and try again")
  }
}
