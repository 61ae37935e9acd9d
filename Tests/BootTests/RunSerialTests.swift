import Basics
import Formats
import Kits
import Machines
import Modules
import TestSupport
import Testing

/// `minivm run` on a kernel without virtio-serial.
@Suite(.serialized) struct RunSerialTests {
  /// A kit of the cloud kernel, whose modules lack virtio_console.
  private static func makeKit(_ folder: TemporaryFolder) async throws -> String {
    let tree = try TestCache.tree("cloud")
    try await Tool.shell(
      """
      cp -r \(tree) tree
      rm $(find tree -name 'virtio_console.ko*')
      """, in: folder.path)
    let release = try KernelRelease(TestCache.release(in: tree))
    let template = try TestKit.makeTemplate(folder)
    _ = try KitBuilder(
      .directory(folder("tree"), release), inputs: [Manifest.Input(directoryOf: release)],
      BuildPlaces(folder: folder("kit"), template: template),
      options: .with {
        // Its own initramfs is not used here, and the profiles ask for virtio_console.
        $0.lists = ModuleLists(modules: nil, autoload: ModuleList([], name: "modules.autoload"))
      },
      environment: .testing(cache: folder("cache"))
    ).build()
    return folder("kit")
  }

  @Test("A second serial port carries status and bytes, whole, where there is no virtio-serial")
  func serial() async throws {
    let folder = try TemporaryFolder()
    let kit = try await Self.makeKit(folder)
    var random = SeededGenerator(seed: 5)
    let bytes = (0..<100_000).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    try folder.write("in", bytes)
    try await BootSlots.shared.use {
      _ = try await Tool.shell(
        """
        set +e
        long=$(head -c 60000 /dev/zero | tr '\\0' x)
        \(TestKit.program) run \(kit) --accel tcg --timeout 240 --json report -- \
          sh -c 'cp /dev/stdin got; cat in; printf %s "$1" | wc -c >&2; exit 7' sh "$long" <in >out 2>errors
        status=$?
        cat errors >&2
        set -e
        test $status = 7
        cmp in got
        cmp in out
        test "$(cat errors)" = 60000
        grep '"channel" : "serial"' report
        """, in: folder.path)
    }
  }
}
