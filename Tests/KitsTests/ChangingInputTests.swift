import Basics
import Formats
import Glibc
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Files that another program writes to while they are read: an error that says so, never a result of two
/// halves.
@Suite struct ChangingInputTests {
  private static let shorter = "became shorter while it was read"
  private static let written = "was written to while it was read"

  /// Cuts a file off, in its place.
  private func cut(_ path: String, to size: Int) throws {
    guard unsafe truncate(path, size) == 0 else { throw FormatError.system("cut", path: path) }
  }

  /// Writes a byte in its place, a second and more after the file was made.
  private func touch(_ path: String, size: Int) throws {
    try cut(path, to: size)
    let times = [
      timespec(tv_sec: 2_000_000_000, tv_nsec: 0), timespec(tv_sec: 2_000_000_000, tv_nsec: 0),
    ]
    guard unsafe utimensat(AT_FDCWD, path, times, 0) == 0 else {
      throw FormatError.system("touch", path: path)
    }
  }

  private func expect(_ reason: String, _ path: String, _ body: () throws -> Void) {
    let error = #expect(throws: FormatError.self) { try body() }
    #expect(error?.kind == .io)
    #expect(error?.path == [path])
    #expect(error?.reason == reason)
  }

  @Test("A file, whole and in part")
  func file() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", [UInt8](repeating: 1, count: 1000))
    let file = try InputFile(path)
    try cut(path, to: 999)
    expect(Self.shorter, path) { _ = try file.readAll(limit: 1000) }
    expect(Self.shorter, path) { _ = try file.bytes(in: 500..<1000) }
    #expect(try file.read(at: 0, count: 999).count == 999)
    try touch(path, size: 2000)
    expect(Self.written, path) { _ = try file.readAll(limit: 1000) }
    expect(Self.written, path) { try file.source(0..<1000).forEachPiece { _ in } }
    // What was added later is no part of it.
    #expect(try file.read(at: 990, count: 100).count == 10)
  }

  @Test("A file that another takes the place of is read to its own end")
  func replaced() throws {
    let folder = try TemporaryFolder()
    let path = try folder.write("file", [UInt8](repeating: 1, count: 1000))
    let file = try InputFile(path)
    try folder.write("file", [2])
    #expect(try file.readAll(limit: 1000) == [UInt8](repeating: 1, count: 1000))
  }

  @Test("A package, cut at each of its parts")
  func package() throws {
    let folder = try TemporaryFolder()
    var made = MadeUpPackage.kernel
    made.add("\(MadeUpPackage.tree)/kernel/fs/y.ko", [UInt8](repeating: 1, count: 300_000))
    let bytes = made.bytes
    for size in [0, 100, bytes.count / 2, bytes.count - 1] {
      let path = try folder.write("\(size).deb", bytes)
      let package = try DebArchive(path)
      try cut(path, to: size)
      expect(Self.shorter, path) {
        try package.forEachEntry(jobs: 1) { _, tar in try tar.body.forEachPiece { _ in } }
      }
    }
    let path = try folder.write("written.deb", bytes)
    let package = try DebArchive(path)
    try touch(path, size: bytes.count)
    expect(Self.written, path) {
      try package.forEachEntry(jobs: 1) { _, tar in try tar.body.forEachPiece { _ in } }
    }
  }

  @Test("A folder's module")
  func module() async throws {
    let folder = try TemporaryFolder()
    let package = try folder.write("1.deb", MadeUpPackage.kernel.bytes)
    _ = try await Tool.output(TestKit.program, ["unpack", package, "--out", folder("tree")])
    let path = folder("tree/lib/modules/\(MadeUpPackage.release)/kernel/fs/x.ko")
    let release = try KernelRelease(MadeUpPackage.release)
    for (reason, size) in [(Self.shorter, 10), (Self.written, 10)] {
      expect(reason, path) {
        try KernelSource.directory(folder("tree"), release).forEachEntry(jobs: 1) { entry, body in
          guard entry.role == .moduleTree(release, "kernel/fs/x.ko") else { return }
          if reason == Self.shorter { try cut(path, to: size) } else { try touch(path, size: size) }
          try body.forEachPiece { _ in }
        }
      }
    }
  }

  @Test(
    "A kit's modules disk", arguments: [BuildOptions(), .with { $0.diskFormat = .raw }])
  func disk(_ options: BuildOptions) throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let manifest = try TestKit.build(
      "cloud", template: template, to: folder("kit"), options: options)
    let path = folder("kit/modules-\(manifest.kernel).\(options.diskFormat.rawValue)")
    let disk = try Ext4Reader(DiskImage.open(InputFile(path)))
    let lists = "\(manifest.kernel)/modules.dep"
    #expect(try disk.contents(of: lists, limit: 1 << 20) != nil)
    let other = try Ext4Reader(DiskImage.open(InputFile(path)))
    try cut(path, to: 4096)
    expect(Self.shorter, path) { _ = try other.contents(of: lists, limit: 1 << 20) }
  }
}
