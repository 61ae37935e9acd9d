internal import Basics
internal import Formats

/// A suite's signed list as a mirror sent it: nothing in it is trusted.
struct SignedList {
  /// The most bytes of a list; Debian's have 200 KB.
  private static let sizeLimit = 1 << 26

  /// Where it came from.
  var url: String
  /// `InRelease`, or `Release` where the signature is beside it.
  var text: [UInt8]
  /// `Release.gpg`; nil for a signature that is around the text.
  var signature: [UInt8]?

  private init(url: String, text: [UInt8], signature: [UInt8]? = nil) {
    self.url = url
    self.text = text
    self.signature = signature
  }

  /// From a mirror.
  init(fetching suite: DebianSuite, _ environment: KitEnvironment) throws {
    let base = suite.folder
    var isForbidden = false
    if let text = try Self.get("\(base)/InRelease", environment, &isForbidden) {
      self.init(url: "\(base)/InRelease", text: text)
      return
    }
    let url = "\(base)/Release"
    guard let text = try Self.get(url, environment, &isForbidden) else {
      throw Self.absence(of: suite, isForbidden)
    }
    guard let signature = try Self.get("\(url).gpg", environment, &isForbidden) else {
      throw KitError(.unverified, "\(url): it is not signed", advice: "use another mirror")
    }
    self.init(url: url, text: text, signature: signature)
  }

  /// The one that was kept. It has to be verified again.
  /// - Parameter isPast: whether one that was taken for a time in the past will do; it is preferred.
  init(kept suite: DebianSuite, isPast: Bool, _ environment: KitEnvironment) throws {
    for isPast in isPast ? [true, false] : [false] {
      let folder = Self.folder(suite, isPast: isPast, environment)
      let base = suite.folder
      if FileTree.status("\(folder)/InRelease") != nil {
        self.init(url: "\(base)/InRelease", text: try Self.read("\(folder)/InRelease"))
        return
      }
      if FileTree.status("\(folder)/Release") != nil {
        self.init(
          url: "\(base)/Release", text: try Self.read("\(folder)/Release"),
          signature: try Self.read("\(folder)/Release.gpg"))
        return
      }
    }
    throw KitError(
      .missing, "the list of \(suite.mirror) \(suite.suite) is not in the cache",
      advice: "run it once without --offline")
  }

  /// Keeps the list, which was verified, for later without a network.
  func keep(for suite: DebianSuite, isPast: Bool, _ environment: KitEnvironment) throws {
    let destination = Self.folder(suite, isPast: isPast, environment)
    let name = signature == nil ? "InRelease" : "Release"
    if try signature == nil && FileTree.status("\(destination)/\(name)") != nil
      && Self.read("\(destination)/\(name)") == text
    {
      return
    }
    // The list and its signature change in one step.
    try environment.makeCacheFolder(FileTree.parent(of: destination))
    let staging = try StagingDirectory(in: FileTree.parent(of: destination))
    func add(_ name: String, _ bytes: [UInt8]) throws {
      try staging.addFile("list/\(name)", mode: 0o644, modified: 0, body: MemorySource(bytes))
    }
    try add(name, text)
    if let signature { try add("Release.gpg", signature) }
    try add("address", Array("\(suite.mirror) \(suite.suite)\n".utf8))
    try staging.publish("list", to: destination)
  }

  private static func folder(
    _ suite: DebianSuite, isPast: Bool, _ environment: KitEnvironment
  ) -> String {
    "\(environment.cacheFolder)/lists/\(suite.key)\(isPast ? "-past" : "")"
  }

  private static func read(_ path: String) throws -> [UInt8] {
    try InputFile(path).readAll(limit: sizeLimit)
  }

  /// - Parameter isForbidden: becomes true where the mirror refuses the file, which may mean that there
  ///   is none.
  /// - Returns: nil when the mirror has no such file.
  private static func get(
    _ url: String, _ environment: KitEnvironment, _ isForbidden: inout Bool
  ) throws -> [UInt8]? {
    do {
      return try environment.download(url, limit: Self.sizeLimit)
    } catch let error as KitError where error.isAbsence {
      if error.isForbidden { isForbidden = true }
      return nil
    }
  }

  private static func absence(of suite: DebianSuite, _ isForbidden: Bool) -> KitError {
    let what = "\(suite.mirror) has no suite \(suite.suite.quoted)"
    guard isForbidden else {
      return KitError(.missing, what, advice: "give another with --suite or --mirror")
    }
    var error = KitError(
      .invalid, "\(what), or does not let this machine read it (status 403)",
      advice: "give another with --suite or --mirror; https://USER:PASSWORD@HOST logs in")
    error.isForbidden = true
    return error
  }
}
