package import Basics
internal import Formats
package import Logging

/// What a job takes from its user's settings, and the doors to network, clock and terminal.
package struct KitEnvironment: Sendable {
  /// The one door to the network: hands on the bytes at a URL, in pieces, each with its place in the
  /// file. Throws `KitError.missing` where there is no such file, and `Interruption` where another
  /// try may do.
  package typealias Get =
    @Sendable (
      _ request: DownloadRequest, _ receive: (_ bytes: [UInt8], _ offset: Int) throws -> Void
    ) throws -> Void

  package var get: Get
  /// Cores that may be at work.
  package var jobs = Machine.cores
  /// Waits before another try, for some seconds.
  package var pause: @Sendable (_ seconds: Int) -> Void
  /// Whether nothing is asked of the network: the cache has it, or it is not there.
  package private(set) var isOffline = false
  /// The clock, in seconds since 1970.
  package var now: @Sendable () -> Int
  /// Seconds since 1970 that outputs carry; nil for the newest time in the input.
  package var sourceDateEpoch: Int?
  /// Where downloads are kept.
  package var cacheFolder: String
  /// Where files go that nobody keeps.
  package var temporaryFolder: String
  package var log: Logger
  package var progress: Progress
  /// What checks OpenPGP signatures; nil for whichever this machine has.
  package var signatureTool: SignatureTool?
  let memory = RunMemory()
  /// Seconds between one try of a download and the next.
  var pauses = [1, 3, 9]

  package init(
    get: @escaping Get, pause: @escaping @Sendable (_ seconds: Int) -> Void = Machine.pause,
    now: @escaping @Sendable () -> Int, sourceDateEpoch: Int?, cacheFolder: String,
    temporaryFolder: String, log: Logger, progress: Progress
  ) {
    self.get = get
    self.pause = pause
    self.now = now
    self.sourceDateEpoch = sourceDateEpoch
    self.cacheFolder = cacheFolder
    self.temporaryFolder = temporaryFolder
    self.log = log
    self.progress = progress
  }

  /// The same, without a network.
  package func offline() -> KitEnvironment {
    var environment = self
    environment.isOffline = true
    environment.get = { [environment] request, _ in throw environment.notInCache(request.url) }
    return environment
  }

  func notInCache(_ name: String) -> KitError {
    KitError(.missing, "\(name): is not in the cache", advice: "run it once without --offline")
  }

  /// Makes a folder of the cache.
  /// - Parameter path: all of its path.
  /// - Throws: `KitError.invalid` where it can't be made, with what to do.
  package func makeCacheFolder(_ path: String) throws(KitError) {
    do {
      try FileTree.makeDirectories(path)
    } catch {
      throw KitError(
        .invalid, "\(KitError(error).message), for the cache \(cacheFolder)",
        advice: "set XDG_CACHE_HOME to a folder that can be written to")
    }
  }

  /// What TMPDIR says, or /tmp.
  package static func temporaryFolder(_ variables: [String: String]) -> String {
    variables["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
  }

  /// This machine, with the user's own settings.
  package static func system(variables: [String: String], progress: Progress = .none) throws
    -> KitEnvironment
  {
    var epoch: Int?
    if let text = variables["SOURCE_DATE_EPOCH"], !text.isEmpty {
      guard let seconds = Int(text), (0...Int(UInt32.max)).contains(seconds) else {
        throw KitError(
          .usage, "SOURCE_DATE_EPOCH=\(text) is not a number of seconds since 1970",
          advice: "set it to one, as in `date +%s`, or unset it")
      }
      epoch = seconds
    }
    let cache =
      if let folder = variables["XDG_CACHE_HOME"], folder.hasPrefix("/") {
        "\(folder)/minivm"
      } else if let home = variables["HOME"], home.hasPrefix("/") {
        "\(home)/.cache/minivm"
      } else {
        // Never a folder where others may write: what is in the cache ends up in kits.
        "\(Machine.homeFolder)/.cache/minivm"
      }
    return KitEnvironment(
      get: HTTPClient().get, now: { Machine.now }, sourceDateEpoch: epoch, cacheFolder: cache,
      temporaryFolder: temporaryFolder(variables), log: Logger(label: "minivm"), progress: progress)
  }
}

/// Tells a user how far a job is.
package struct Progress: Sendable {
  /// A stage begins or goes on: its name, bytes so far, and of how many, where that is known.
  package var report: @Sendable (_ stage: String, _ bytes: Int, _ of: Int?) -> Void
  /// The job is over: what was shown may go.
  package var end: @Sendable () -> Void

  package init(
    report: @escaping @Sendable (_ stage: String, _ bytes: Int, _ of: Int?) -> Void,
    end: @escaping @Sendable () -> Void
  ) {
    self.report = report
    self.end = end
  }

  package static let none = Progress(report: { _, _, _ in }, end: {})
}
