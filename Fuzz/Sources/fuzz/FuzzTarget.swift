import Formats
import Glibc

/// One decoder, and what its results must be like whatever its input is.
struct FuzzTarget: Sendable {
  let name: String
  let run: @Sendable ([UInt8]) throws -> Void

  init(_ name: String, _ run: @escaping @Sendable ([UInt8]) throws -> Void) {
    self.name = name
    self.run = run
  }

  static let all = archives + compression + modules + debian + alpine + kernels + settings

  /// The most bytes that an input is unpacked to: what comes after is more of the same.
  static let unpackedLimit = 1 << 22

  /// A decoder that reads a file gets one in memory.
  static func file(_ bytes: [UInt8]) throws -> String {
    let path = "/dev/shm/minivm-fuzz-\(getpid())"
    let output = try OutputFile(replacing: path)
    try output.write(bytes, at: 0)
    try output.commit()
    return path
  }

  static func require(_ condition: Bool, _ promise: String) {
    if !condition { fatalError("broken promise: \(promise)") }
  }

  /// What an archive says must stay below the folder that it is unpacked to.
  static func requireInside(_ path: String) {
    require(!path.hasPrefix("/"), "a path is relative")
    require(!path.utf8.contains(0), "a path has no NUL")
    require(
      !path.utf8.split(separator: UInt8(ascii: "/"))
        .contains { $0.elementsEqual("..".utf8) || $0.elementsEqual(".".utf8) },
      "a path has neither . nor ..")
  }
}
