import DecoderChecks
import Formats
import TestSupport
import Testing

/// Every decoder, with pieces of real files in which something was changed, left out or repeated.
@Suite struct DamagedInputTests {
  @Test("Damaged pieces of real files", arguments: DecoderCheck.all)
  func damaged(_ check: DecoderCheck) throws {
    let folder = "\(TestCache.folder)/decoders/\(check.name)"
    let seeds = try FileTree.names(in: folder).filter { $0.hasPrefix("seed-") }
    #expect(!seeds.isEmpty, "scripts/decoder-seeds has nothing for \(check.name)")
    for (number, name) in seeds.enumerated() {
      let bytes = try InputFile("\(folder)/\(name)").readAll(limit: 1 << 17)
      #expect(!bytes.isEmpty, "\(check.name)/\(name) is empty")
      try check.run(bytes)
      // Short pieces take little time, and every change to them hits something.
      let count = max(20, min(400, 1_000_000 / max(1, bytes.count)))
      try MutationTests.mutations(of: bytes, count: count, seed: UInt64(40 + number)) {
        try check.run($0)
      }
    }
  }
}
