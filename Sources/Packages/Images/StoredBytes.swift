internal import Formats

/// Bytes that are a whole file, or a part of one: a blob in a folder, in an archive, or in the cache.
struct StoredBytes: Sendable {
  let file: InputFile
  let range: Range<Int>

  init(_ file: InputFile) {
    self.file = file
    range = 0..<file.size
  }

  init(_ file: InputFile, range: Range<Int>) {
    self.file = file
    self.range = range
  }

  var size: Int { range.count }

  var source: FileSource { file.source(range) }

  /// Returns up to `count` bytes from the start.
  func start(_ count: Int) throws(FormatError) -> [UInt8] {
    try file.read(at: range.lowerBound, count: min(count, range.count))
  }

  /// Returns all bytes.
  /// - Throws: `FormatError.limit` for more than `limit` bytes.
  func readAll(limit: Int) throws -> [UInt8] {
    guard size <= limit else {
      throw FormatError(.limit, "\(size) bytes are more than \(limit)", path: [file.path])
    }
    return try SourceReader(source).readToEnd(limit: limit)
  }
}
