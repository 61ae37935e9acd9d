import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// An initramfs of several archives: a guest says what its kernel made of it, and `InitramfsTree` has to know.
@Suite(.serialized) struct InitramfsBootTests {
  private static let paths = [
    "init", "file", "folder", "full", "full/x", "link", "usr/lib/y", "no", "a", "b", "c", "late",
    "order",
  ]

  /// Prints a line of what is at each path, and powers off.
  private static let initScript = """
    #!/bin/busybox sh
    b=/bin/busybox; line=
    for p in \(paths.joined(separator: " ")); do
      if [ -L $p ]; then k=link:$($b readlink $p)
      elif [ -f $p ]; then k=file:$($b stat -c %a:%h:%s $p)
      elif [ -d $p ]; then k=folder:$($b stat -c %a $p)
      else k=none; fi
      line="$line $p=$k"
    done
    echo "second init:$line end"
    $b poweroff -f

    """

  private static func archives(_ folder: TemporaryFolder) async throws {
    let busybox = try TemplateTool.busybox.read(TestCache.packages("busybox")[0])
    try folder.write("one/bin/busybox", busybox.program.bytes)
    try folder.write("three/init", initScript.utf8)
    try await Tool.shell(
      """
      pack() { (cd $1; find . -mindepth 1 | sed 's|^./||' | LC_ALL=C sort | cpio -o -H ${2:-newc} -R 0:0 --quiet); }
      cd one; chmod 755 bin/busybox; printf '#!/bin/busybox sh\\necho first init\\n' >init; chmod 755 init
      echo 1 >file; mkdir folder full usr usr/lib; echo 22 >full/x; ln -s usr/lib lib; ln -s full link
      echo 333 >a; ln a b; mkdir -p dev kernel/x86/microcode; echo x >order; cd ..
      mkdir -p two two/lib two/no; cd two
      mkdir file; chmod 711 file; echo 4444 >folder; echo n >full; echo 55555 >link; echo 666666 >lib/y
      echo n >no/z; echo 7777777 >a; echo 88888888 >c; ln c d; cd ..
      chmod 755 three/init; echo 999999999 >three/late
      pack one crc >1.cpio
      # Without lib and no, so that the entries below them have what the first archive has, or nothing.
      (cd two; printf '%s\\n' file folder full link lib/y no/z a c d | cpio -o -H newc -R 0:0 --quiet) >2.cpio
      pack three >3.cpio
      (cat 1.cpio 2.cpio; gzip -nc 3.cpio; zstd -qc 3.cpio; printf '\\0\\0\\0'; xz -c --check=crc32 3.cpio) >initramfs
      """, in: folder.path)
  }

  @Test("The kernel has what the reader says, and runs the last archive's init")
  func kernel() async throws {
    let folder = try TemporaryFolder()
    try await Self.archives(folder)
    let reader = try InitramfsReader(InputFile(folder("initramfs")))
    let tree = try InitramfsTree(reading: reader) { _, _ in try reader.body(limit: 1 << 24).count }
    var line = "second init:"
    for path in Self.paths {
      guard let node = tree.entries[path] else {
        line += " \(path)=none"
        continue
      }
      let mode = String(node.mode & 0o7777, radix: 8)
      let names = tree.entries.keys.count { tree.number(of: $0) == tree.number(of: path) }
      line +=
        node.isDirectory
        ? " \(path)=folder:\(mode)"
        : node.target.map { " \(path)=link:\($0)" } ?? " \(path)=file:\(mode):\(names):\(node.size)"
    }
    #expect(tree.isReplaced("init") && tree.dropped == ["full", "no/z"])
    #expect(line.contains(" a=file:644:2:8 b=file:644:2:8 c=file:644:2:9 late="))
    let release = try TestCache.release(in: TestCache.tree("cloud"))
    let machine = MachineDescription(
      model: MachineModel(.amd64), kernel: "\(try TestCache.tree("cloud"))/boot/vmlinuz-\(release)",
      initramfs: folder("initramfs"), disks: [], bus: .virtioBlk, commandLine: [])
    let outcome = try await QEMURunner(
      accelerators: [.tcg], expectation: line + " end", timeout: .seconds(300)
    ).run(machine)
    #expect(outcome.expectedAfter != nil, "\(line)\n\(outcome.lastLines)")
  }
}
