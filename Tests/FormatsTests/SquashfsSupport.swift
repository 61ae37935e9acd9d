import Formats
import TestSupport
import Testing

extension SquashfsIdentity {
  static func sample(label: String = "sample") throws -> SquashfsIdentity {
    try SquashfsIdentity(
      uuid: (0..<16).map { UInt8(0xA0 + $0) }, label: label, timestamp: 1_700_000_000)
  }
}

extension FileAttributes {
  static func plain(
    _ mode: UInt16 = 0o644, _ owner: UInt32 = 0, _ group: UInt32 = 0, seconds: Int = 1_600_000_000,
    extended: [(String, [UInt8])] = []
  ) -> FileAttributes {
    FileAttributes(
      mode: mode, owner: owner, group: group, modified: FileTime(seconds: seconds),
      extended: extended.map { ExtendedAttribute(name: Array($0.0.utf8), value: $0.1) })
  }
}

extension FileSystemWriter {
  func add(_ path: String, _ kind: FileKind, _ attributes: FileAttributes = .plain()) throws {
    try add(Array(path.utf8), kind, attributes, content: nil)
  }

  func add(_ path: String, _ bytes: [UInt8], _ attributes: FileAttributes = .plain()) throws {
    try add(
      Array(path.utf8), .file(size: bytes.count), attributes, content: MemorySource(bytes))
  }

  func link(_ path: String, to target: String) throws {
    try addHardLink(Array(path.utf8), to: Array(target.utf8))
  }
}

/// Zeros, with a few bytes somewhere.
final class SparseSource: ByteSource {
  private static let zeros = [UInt8](repeating: 0, count: 1 << 20)
  private let islands: [Int: [UInt8]]
  private var mebibytes: Range<Int>

  /// - Parameter islands: by MiB, each the first bytes of it.
  init(mebibytes: Int, islands: [Int: [UInt8]]) {
    (self.islands, self.mebibytes) = (islands, 0..<mebibytes)
  }

  func next() -> [UInt8] {
    guard let number = mebibytes.popFirst() else { return [] }
    guard let island = islands[number] else { return Self.zeros }
    return island + Self.zeros.dropFirst(island.count)
  }
}

enum SquashfsTool {
  /// Makes an image of what `fill` adds.
  @discardableResult
  static func image(
    _ path: String, jobs: Int = 2, identity: SquashfsIdentity? = nil,
    _ fill: (SquashfsWriter) throws -> Void
  ) throws -> SquashfsWriter.Summary {
    let file = try OutputFile(replacing: path)
    let writer = SquashfsWriter(file, level: 3, jobs: jobs)
    try fill(writer)
    let summary = try writer.finish(try identity ?? .sample())
    try file.commit()
    return summary
  }

  /// What unsquashfs lists: mode, owner, size, time and path of each file.
  static func list(_ path: String) async throws -> [String] {
    let result = try await Tool.run(
      "unsquashfs", ["-lln", "-d", "", path], environment: ["TZ": "UTC"])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    return result.output.split(separator: "\n").map {
      $0.split(separator: " ", omittingEmptySubsequences: true).joined(separator: " ")
    }
  }

  /// What sqfs2tar makes of it: one line for each file, with its extended attributes and the hash of its content.
  static func tar(_ path: String) async throws -> [String] {
    let script = """
      import hashlib, io, subprocess, sys, tarfile
      data = subprocess.run(["sqfs2tar", "-r", ".", sys.argv[1]], capture_output=True)
      said = [line for line in data.stderr.decode().splitlines() if "socket" not in line]
      if data.returncode or said: sys.exit("%d: %s" % (data.returncode, said))
      for m in tarfile.open(fileobj=io.BytesIO(data.stdout)):
        what = "%s %o %d:%d %d" % (m.type.decode(), m.mode, m.uid, m.gid, m.mtime)
        if m.isreg():
          h = hashlib.sha256(tarfile.open(fileobj=io.BytesIO(data.stdout)).extractfile(m).read())
          what += " %d %s" % (m.size, h.hexdigest()[:16])
        if m.islnk() or m.issym(): what += " > " + m.linkname
        if m.ischr() or m.isblk(): what += " %d,%d" % (m.devmajor, m.devminor)
        for k, v in sorted(m.pax_headers.items()):
          if k.startswith("SCHILY.xattr."):
            what += " %s=%s" % (k[13:], v.encode("utf-8", "surrogateescape").hex())
        print(m.name, what)
      """
    let result = try await Tool.run("python3", ["-c", script, path])
    #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
    return result.output.split(separator: "\n").map(String.init)
  }
}
