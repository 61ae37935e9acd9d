import Formats
import TestSupport
import Testing

/// What e2fsprogs say of an image.
enum ImageTool {
  /// e2fsck has nothing to say but its passes and the summary.
  static func check(_ path: String, _ location: SourceLocation = #_sourceLocation) async throws {
    let result = try await Tool.run("e2fsck", ["-fn", path])
    let said = (result.output + result.errors).split(separator: "\n").filter {
      !$0.hasPrefix("e2fsck ") && !$0.hasPrefix("Pass ") && !$0.contains(" files (")
    }
    #expect(result.status == 0 && said.isEmpty, "\(said)", sourceLocation: location)
  }

  static func debugfs(_ path: String, _ command: String) async throws -> String {
    let result = try await Tool.run("debugfs", ["-R", command, path])
    return result.errors + result.output
  }

  static func checkQcow2(_ path: String, _ location: SourceLocation = #_sourceLocation) async throws
  {
    let said = try await Tool.output("qemu-img", ["check", "-f", "qcow2", path])
    #expect(said.contains("No errors"), "\(said)", sourceLocation: location)
  }
}

extension Ext4Identity {
  static func sample(label: String = "sample", seconds: Int = 1_700_000_000) throws -> Ext4Identity
  {
    try Ext4Identity(
      uuid: (0..<16).map { UInt8(0xA0 + $0) }, hashSeed: (0..<16).map { UInt8(3 * $0 + 1) },
      label: label, timestamp: Ext4Time(seconds: seconds))
  }
}

extension Ext4Attributes {
  static func plain(
    _ mode: UInt16 = 0o644, _ seconds: Int = 1_600_000_000, _ nanoseconds: Int = 0
  ) throws -> Ext4Attributes {
    Ext4Attributes(mode: mode, modified: try Ext4Time(seconds: seconds, nanoseconds: nanoseconds))
  }
}

/// Bytes that do not compress, the same every time.
func noise(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  var bytes: [UInt8] = []
  bytes.reserveCapacity(count + 8)
  while bytes.count < count {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    unsafe withUnsafeBytes(of: state.littleEndian) { unsafe bytes.append(contentsOf: $0) }
  }
  return Array(bytes.prefix(count))
}

/// Makes a raw image with what `fill` adds.
@discardableResult
func rawImage(
  _ path: String, size: Int, mayGrow: Bool = true, _ fill: (Ext4Writer) throws -> Void
) throws -> Ext4Writer.Summary {
  let file = try OutputFile(replacing: path)
  let writer = try Ext4Writer(RawImageWriter(file), size: size, mayGrow: mayGrow)
  try fill(writer)
  let summary = try writer.finish(.sample())
  try file.commit()
  return summary
}

func allBytes(_ source: (any ByteSource)?) throws -> [UInt8] {
  let source = try #require(source)
  return try SourceReader(source).readToEnd(limit: 1 << 30)
}

/// Adds all that is below `folder`, in byte order, folders before what is in them.
func addTree(_ folder: String, to writer: Ext4Writer, at path: String) throws {
  for name in try FileTree.names(in: folder) {
    let source = "\(folder)/\(name)"
    let target = "\(path)/\(name)"
    let status = try #require(FileTree.status(source))
    let attributes = Ext4Attributes(
      mode: UInt16(status.mode),
      modified: try Ext4Time(seconds: status.modified, nanoseconds: status.modifiedNanoseconds))
    switch status.kind {
    case .directory:
      try writer.addDirectory(target, attributes)
      try addTree(source, to: writer, at: target)
    case .file:
      let file = try InputFile(source)
      try writer.addFile(target, attributes, size: file.size, source: file.source(0..<file.size))
    case .symbolicLink:
      try writer.addSymbolicLink(target, to: FileTree.linkTarget(source), attributes)
    case .other: break
    }
  }
}

/// What is below a folder: kind, mode, time in seconds, and the content's size and checksum.
func fingerprint(_ folder: String, _ path: String = "") throws -> [String: String] {
  var result: [String: String] = [:]
  for name in try FileTree.names(in: folder) {
    let source = "\(folder)/\(name)"
    let status = try #require(FileTree.status(source))
    var text = "\(status.kind) \(String(status.mode, radix: 8)) \(status.modified)"
    switch status.kind {
    case .file:
      let bytes = try InputFile(source).readAll(limit: 1 << 30)
      text += " \(bytes.count) \(CRC32C.update(~0, bytes))"
    case .symbolicLink:  // debugfs does not give links their times
      text = "link \(try FileTree.linkTarget(source))"
    case .directory:
      result.merge(try fingerprint(source, "\(path)/\(name)")) { $1 }
    case .other: break
    }
    result["\(path)/\(name)"] = text
  }
  return result
}
