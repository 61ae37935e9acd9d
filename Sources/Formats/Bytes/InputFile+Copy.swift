internal import Glibc

extension InputFile {
  /// Copies what can be read once into a file without a name, which goes with this object.
  /// - Parameter folder: where there is room for it.
  /// - Throws: `FormatError.io` for a folder that can't be written to; what the source throws.
  package static func copy(of source: any ByteSource, in folder: String) throws -> InputFile {
    let path = "\(folder)/minivm-copy-\(getpid())"
    let file = try OutputFile(replacing: path)
    var size = 0
    try source.forEachPiece { piece in
      try file.write(piece, at: size)
      size += piece.count
    }
    try file.commit(mode: 0o600)
    defer { FileTree.remove(path) }
    return try InputFile(path)
  }
}
