import Formats
import Glibc

/// One decoder of what others wrote, and what its results must be like, whatever its input is.
///
/// The tests give it damaged pieces of real files; scripts/fuzz lets libFuzzer look for worse ones.
package struct DecoderCheck: Sendable {
  package let name: String
  private let decode: @Sendable ([UInt8]) throws -> Void

  init(_ name: String, _ decode: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    self.decode = decode
  }

  package static let all =
    archives + compression + modules + kernels + disks + roots + debian + alpine + kits + guests
    + settings

  /// Decodes an input. An error of the decoder is an answer like others.
  /// - Throws: `BrokenPromise` for a result that must not be.
  package func run(_ input: [UInt8]) throws(BrokenPromise) {
    do {
      try decode(input)
    } catch let broken as BrokenPromise {
      throw broken
    } catch {}
  }

  /// What was not as it has to be.
  package struct BrokenPromise: Error {
    package let promise: String
  }

  /// The most bytes that an input is unpacked to: what comes after is more of the same.
  static let unpackedLimit = 1 << 22

  /// A decoder that reads a file gets one in memory.
  static func file(_ bytes: [UInt8]) throws -> InputFile {
    try withFile(bytes) { try InputFile($0) }
  }

  /// - Parameter use: gets the path of the file, which is there as long as it runs.
  static func withFile<T>(_ bytes: [UInt8], _ use: (String) throws -> T) throws -> T {
    let path = "/dev/shm/minivm-decoder-\(getpid())-\(pthread_self())"
    try OutputFile.write(bytes, to: path)
    defer { FileTree.remove(path) }
    return try use(path)
  }

  static func require(_ condition: Bool, _ promise: String) throws(BrokenPromise) {
    if !condition { throw BrokenPromise(promise: promise) }
  }

  /// What an archive says must stay below the folder that it is unpacked to.
  static func requireInside(_ path: String) throws(BrokenPromise) {
    try require(!path.hasPrefix("/"), "a path is relative")
    try require(!path.utf8.contains(0), "a path has no NUL")
    try require(
      !path.utf8.split(separator: UInt8(ascii: "/"))
        .contains { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) },
      "a path has neither . nor ..")
  }
}
