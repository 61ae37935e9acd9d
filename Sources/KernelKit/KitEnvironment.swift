public import Logging

/// What a job takes from the world around it: there is no other way in.
public struct KitEnvironment: Sendable {
  /// The one door to the network: hands on the bytes at a URL, in pieces.
  public var get: @Sendable (_ url: String, _ receive: ([UInt8]) throws -> Void) throws -> Void
  /// The clock, in seconds since 1970.
  public var now: @Sendable () -> Int
  /// Seconds since 1970 that outputs carry; nil for the newest time in the input.
  public var sourceDateEpoch: Int?
  /// Where downloads are kept.
  public var cacheFolder: String
  public var aptSources: AptSources
  public var log: Logger
  public var progress: Progress

  public init(
    get: @escaping @Sendable (_ url: String, _ receive: ([UInt8]) throws -> Void) throws -> Void,
    now: @escaping @Sendable () -> Int, sourceDateEpoch: Int?, cacheFolder: String,
    aptSources: AptSources, log: Logger,
    progress: Progress
  ) {
    self.get = get
    self.now = now
    self.sourceDateEpoch = sourceDateEpoch
    self.cacheFolder = cacheFolder
    self.aptSources = aptSources
    self.log = log
    self.progress = progress
  }

  /// This machine, with the user's own settings.
  public static func system(variables: [String: String], progress: Progress = .none) throws
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
      if let folder = variables["XDG_CACHE_HOME"], folder.hasPrefix("/") { "\(folder)/minivm" } else
      {
        "\(variables["HOME"] ?? "/tmp")/.cache/minivm"
      }
    return KitEnvironment(
      get: Download.get, now: { Machine.now }, sourceDateEpoch: epoch, cacheFolder: cache,
      aptSources: .system(),
      log: Logger(label: "minivm"), progress: progress)
  }
}

/// Tells a user how far a job is.
public struct Progress: Sendable {
  /// A stage begins or goes on: its name, bytes so far, and of how many, where that is known.
  public var report: @Sendable (_ stage: String, _ bytes: Int, _ of: Int?) -> Void
  /// The job is over: what was shown may go.
  public var end: @Sendable () -> Void

  public init(
    report: @escaping @Sendable (_ stage: String, _ bytes: Int, _ of: Int?) -> Void,
    end: @escaping @Sendable () -> Void
  ) {
    self.report = report
    self.end = end
  }

  public static let none = Progress(report: { _, _, _ in }, end: {})
}
