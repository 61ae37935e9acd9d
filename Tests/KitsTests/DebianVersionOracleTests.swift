import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// dpkg judges the order of versions: real ones, and ones made to be hard.
@Suite struct DebianVersionOracleTests {
  private enum Order: String {
    case less = "lt"
    case same = "eq"
    case greater = "gt"

    init(_ a: String, _ b: String) {
      let (a, b) = (DebianVersion(a), DebianVersion(b))
      self = a < b ? .less : a == b ? .same : .greater
    }
  }

  /// What `dpkg --compare-versions` says of each pair.
  private func judge(_ pairs: [(String, String)]) async throws -> [Substring] {
    let folder = try TemporaryFolder()
    try folder.write("pairs", pairs.map { "\($0) \($1)\n" }.joined().utf8)
    return try await Tool.shell(
      """
      while read -r a b; do
        if dpkg --compare-versions "$a" lt "$b" 2>/dev/null; then echo lt
        elif dpkg --compare-versions "$a" eq "$b" 2>/dev/null; then echo eq
        else echo gt; fi
      done <pairs
      """, in: folder.path
    ).split(separator: "\n")
  }

  private func expectAgreement(_ pairs: [(String, String)]) async throws {
    let answers = try await judge(pairs)
    #expect(answers.count == pairs.count)
    for (pair, answer) in zip(pairs, answers) {
      #expect(Order(pair.0, pair.1).rawValue == answer, "\(pair.0) \(pair.1)")
    }
  }

  @Test("All pairs of the versions in an index of Debian's")
  func real() async throws {
    let text = try InputFile("\(TestCache.folder)/versions").readAll(limit: 1 << 24)
    var random = SeededRandom(seed: 1)
    let versions = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
      .shuffled(using: &random)
    try #require(versions.count > 300)
    // dpkg's order is transitive: where it agrees on all neighbours in our order, it does on all pairs.
    let sorted = versions.sorted { DebianVersion($0) < DebianVersion($1) }
    try await expectAgreement(Array(zip(sorted, sorted.dropFirst())))
    try await expectAgreement(
      (0..<500).map { _ in
        (versions.randomElement(using: &random)!, versions.randomElement(using: &random)!)
      })
  }

  @Test("A thousand that were made up")
  func generated() async throws {
    var random = SeededRandom(seed: 2)
    let pieces = [
      "0", "00", "1", "01", "9", "10", "~", "~~", "+", ".", "-", "a", "b", "Z", "rc", "deb12",
      "+b1",
      "~bpo12", "184467440737095516160",
    ]
    let versions = (0..<1000).map { _ -> String in
      let epoch = ["", "", "", "0:", "1:", "01:"].randomElement(using: &random)!
      let parts = (0..<Int.random(in: 0...4, using: &random)).map { _ in
        pieces.randomElement(using: &random)!
      }
      // A revision may not be empty, and an upstream version begins with a digit.
      var text = "\(epoch)\(["0", "1", "2"].randomElement(using: &random)!)\(parts.joined())"
      while text.hasSuffix("-") { text.removeLast() }
      return text
    }
    let sorted = versions.sorted { DebianVersion($0) < DebianVersion($1) }
    try await expectAgreement(Array(zip(sorted, sorted.dropFirst())))
    try await expectAgreement(Array(zip(versions, versions.shuffled(using: &random))))
  }
}

/// SplitMix64, the same numbers on every run.
private struct SeededRandom: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
