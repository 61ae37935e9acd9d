internal import Basics
internal import Formats

/// A file of a kit: one that is to be put in its place, or the same one that is there already.
struct KitFile: Sendable {
  let description: Manifest.Output
  /// Nil for what stays as it is.
  let output: OutputFile?
  /// What stays as it is.
  let kept: InputFile?
  let path: String

  /// Whether what was to stay is still what was looked at: another build may put its own in the place.
  var isInPlace: Bool { kept?.isInPlace ?? true }

  /// What was written, and is not in its place yet.
  init(_ output: HashedOutput) {
    self.init(output.file, output.description())
  }

  /// What was written in some other order than that of its bytes.
  init(hashing output: OutputFile) throws {
    let hash = HashComputation()
    let size = try Digest.update(hash, from: output.read)
    self.init(
      output,
      Manifest.Output(
        file: FileTree.name(of: output.path), size: size, sha256: Digest.text(hash.finalize())))
  }

  private init(_ output: OutputFile, _ description: Manifest.Output) {
    self.output = output
    self.description = description
    path = output.path
    kept = nil
  }

  private init(keeping file: InputFile, _ description: Manifest.Output) {
    self.description = description
    path = file.path
    kept = file
    output = nil
  }

  /// A small file, which stays as it is when it has these bytes already.
  static func make(_ path: String, _ bytes: [UInt8]) throws -> KitFile {
    if FileTree.status(path)?.kind == .file, let earlier = try? InputFile(path),
      earlier.size == bytes.count, try earlier.read(at: 0, count: bytes.count) == bytes
    {
      return KitFile(
        keeping: earlier,
        Manifest.Output(
          file: FileTree.name(of: path), size: bytes.count, sha256: Digest.sha256(of: bytes)))
    }
    let output = try HashedOutput(path)
    try output.append(bytes)
    return KitFile(output)
  }

  /// A file that an earlier build has made. What is in its place stays, if it is the same; otherwise
  /// it is a copy. Either was hashed.
  /// - Throws: `KitError.unverified` when `copy` is something else.
  static func restore(
    _ description: Manifest.Output, in folder: String, from copy: String
  ) throws -> KitFile {
    let path = "\(folder)/\(description.file)"
    if FileTree.status(path)?.kind == .file, let earlier = try? InputFile(path),
      earlier.size == description.size, try Digest.sha256(of: earlier) == description.sha256
    {
      return KitFile(keeping: earlier, description)
    }
    let output = try HashedOutput(path)
    let input = try InputFile(copy)
    try input.source(0..<input.size).forEachPiece { try output.append($0) }
    guard output.description() == description else {
      throw KitError(.unverified, "\(copy): content differs from the one stored")
    }
    return KitFile(output)
  }

  /// The first bytes.
  func start(count: Int) throws -> [UInt8] {
    try output?.read(at: 0, count: count) ?? kept?.read(at: 0, count: count) ?? []
  }

  /// The bytes of the file in its place.
  func source() throws -> any ByteSource {
    let file = try kept ?? InputFile(path)
    return file.source(0..<file.size)
  }
}
