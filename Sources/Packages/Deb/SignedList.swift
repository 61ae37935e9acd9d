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
  init(fetching suite: DebianSuite, _ network: Network) throws {
    let base = suite.folder
    var isForbidden = false
    if let text = try Self.get("\(base)/InRelease", network, &isForbidden) {
      self.init(url: "\(base)/InRelease", text: text)
      return
    }
    let url = "\(base)/Release"
    guard let text = try Self.get(url, network, &isForbidden) else {
      throw Self.absence(of: suite, isForbidden)
    }
    guard let signature = try Self.get("\(url).gpg", network, &isForbidden) else {
      throw KitError(.unverified, "\(url): it is not signed", advice: "use another mirror")
    }
    self.init(url: url, text: text, signature: signature)
  }

  /// The one that was kept. It has to be verified again.
  /// - Parameter isPast: whether one that was taken for a time in the past will do; it is preferred.
  init(kept suite: DebianSuite, isPast: Bool, in cache: Cache) throws {
    for isPast in isPast ? [true, false] : [false] {
      let list = Self.kept(suite, isPast: isPast, in: cache)
      let base = suite.folder
      if let text = try list.read("InRelease", limit: Self.sizeLimit) {
        self.init(url: "\(base)/InRelease", text: text)
        return
      }
      if let text = try list.read("Release", limit: Self.sizeLimit),
        let signature = try list.read("Release.gpg", limit: Self.sizeLimit)
      {
        self.init(url: "\(base)/Release", text: text, signature: signature)
        return
      }
    }
    throw Self.kept(suite, isPast: false, in: cache).absence
  }

  /// Keeps the list, which was verified, for later without a network.
  func keep(for suite: DebianSuite, isPast: Bool, in cache: Cache) throws {
    let list = Self.kept(suite, isPast: isPast, in: cache)
    guard let signature else {
      if try list.read("InRelease", limit: Self.sizeLimit) == text { return }
      return try list.keep([("InRelease", text)])
    }
    // The list and its signature change in one step.
    try list.keep([("Release", text), ("Release.gpg", signature)])
  }

  private static func kept(
    _ suite: DebianSuite, isPast: Bool, in cache: Cache
  ) -> KeptList {
    KeptList(
      "\(suite.key)\(isPast ? "-past" : "")", title: "\(suite.mirror) \(suite.suite)",
      in: cache)
  }

  /// - Parameter isForbidden: becomes true where the mirror refuses the file, which may mean that there
  ///   is none.
  /// - Returns: nil when the mirror has no such file.
  private static func get(
    _ url: String, _ network: Network, _ isForbidden: inout Bool
  ) throws -> [UInt8]? {
    do {
      return try network.download(url, limit: Self.sizeLimit)
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
      .invalid, "\(what), or denies access to it (status 403)",
      advice: "give another with --suite or --mirror; https://USER:PASSWORD@HOST logs in")
    error.isForbidden = true
    return error
  }
}
