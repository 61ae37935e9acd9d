internal import Basics
internal import Formats

/// An output that is written from its beginning to its end, and hashed on the way.
final class HashedOutput {
  let file: OutputFile
  private let hash = HashComputation()
  private(set) var size = 0

  init(_ path: String) throws {
    file = try OutputFile(replacing: path)
  }

  func append(_ bytes: [UInt8]) throws {
    hash.update(bytes)
    try file.write(bytes, at: size)
    size += bytes.count
  }

  func description() -> Manifest.Output {
    Manifest.Output(
      file: FileTree.name(of: file.path), size: size, sha256: Digest.text(hash.finalize()))
  }
}
