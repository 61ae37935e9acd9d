import Formats
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// The modules disk's UUID: made of the content, in a form that no compiler decides.
@Suite struct DiskIdentityTests {
  @Test("What is hashed of each kind of entry")
  func kinds() {
    let kinds: [(TarEntry.Kind, String)] = [
      (.file, "file"), (.directory, "directory"), (.fifo, "fifo"),
      (.symbolicLink(target: "a\"\u{7}é"), "symbolicLink(target: \"a\"\u{7}é\")"),
      (.hardLink(path: "a/b"), "hardLink(path: \"a/b\")"),
      (.characterDevice(major: 5, minor: 1), "characterDevice(major: 5, minor: 1)"),
      (.blockDevice(major: 8, minor: 0), "blockDevice(major: 8, minor: 0)"),
    ]
    for (kind, text) in kinds { #expect(kind.identity == text) }
    // As in kits of earlier programs, so that they are built again with the UUID that they have.
    for kind in kinds.map(\.0) where kind != kinds[3].0 { #expect(kind.identity == "\(kind)") }
  }

  @Test("The UUID of a known tree")
  func uuid() async throws {
    let folder = try TemporaryFolder()
    let output = try OutputFile(replacing: folder("disk"))
    let release = try KernelRelease("6.1.0-1-x")
    let disk = try ModulesDisk(
      release, output: output, options: .with { $0.diskFormat = .raw }, jobs: 1,
      sourceDateEpoch: 1_000_000_000)
    func add(_ path: String, _ kind: TarEntry.Kind, _ bytes: [UInt8] = []) throws {
      try disk.add(
        path,
        KernelSource.Entry(
          role: .moduleTree(release, path), kind: kind, mode: kind == .directory ? 0o755 : 0o644,
          size: bytes.count, modified: 1_000_000_007), MemorySource(bytes))
    }
    try add("kernel", .directory)
    try add("kernel/a", .file, [1, 2, 3])
    try add("kernel/b", .symbolicLink(target: "a"))
    _ = try disk.finish()
    try output.commit()
    let uuid = try await Tool.shell(
      "dumpe2fs -h disk 2>/dev/null | sed -n 's/^Filesystem UUID: *//p'", in: folder.path)
    #expect(uuid == "7c0ba952-26ef-87f4-ae3f-9a0f7b467baa\n")
  }
}
