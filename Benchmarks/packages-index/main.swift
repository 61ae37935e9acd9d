// How long an index takes to parse, beside how long `xz -dc` takes to unpack it:
//   MINIVM_BENCH=1 swift run -c release packages-index Packages.xz
import Formats
import Foundation
import Packages

guard CommandLine.arguments.count == 2 else {
  print("usage: packages-index Packages.xz")
  exit(2)
}
let path = CommandLine.arguments[1]
let compressed = try InputFile(path).readAll(limit: 1 << 28)
let clock = ContinuousClock()
let origin = IndexedPackage.Origin(
  suite: DebianSuite(mirror: "", suite: ""),
  release: TrustedRelease(suite: "", url: "", date: "", fingerprints: [], signingKeys: []),
  index: path,
  indexSHA256: "")

func parse(_ source: any ByteSource) throws -> Int {
  var count = 0
  try PackagesIndex.forEachPackage(
    in: source, of: origin, where: { $0.hasPrefix("linux-image-") }, { _ in count += 1 })
  return count
}

func milliseconds(_ work: () throws -> Void) rethrows -> Double {
  let duration = try (0..<5).map { _ in try clock.measure(work) }.min() ?? .zero
  return duration / .milliseconds(1)
}

let pieces = try {
  var pieces: [[UInt8]] = []
  try Compression.xz.decode(MemorySource(compressed), jobs: 1).forEachPiece { pieces.append($0) }
  return pieces
}()

final class Pieces: ByteSource {
  private var left: ArraySlice<[UInt8]>
  init(_ pieces: [[UInt8]]) { left = pieces[...] }
  func next() -> [UInt8] { left.popFirst() ?? [] }
}

let parsing = try milliseconds { _ = try parse(Pieces(pieces)) }
let both = try milliseconds {
  _ = try parse(Compression.xz.decode(MemorySource(compressed), jobs: 1))
}
let unpacking = try milliseconds {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/bin/sh")
  process.arguments = ["-c", "exec xz -dc \"$1\" >/dev/null", "sh", path]
  try process.run()
  process.waitUntilExit()
}
print("\(pieces.reduce(0) { $0 + $1.count }) bytes, \(try parse(Pieces(pieces))) packages wanted")
print("parsing            \(parsing) ms")
print("xz -dc             \(unpacking) ms, parsing takes \(parsing / unpacking) of it")
print("decoding + parsing \(both) ms")
