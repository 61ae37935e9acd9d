internal import Formats

/// A small root disk whose init shows that a kit works: it prints the kernel's release, finds its
/// modules on the modules disk, loads one that the RAM disk has not, and powers off.
public struct ProofDisk: Sendable {
  /// The last line of a guest in which all of it worked.
  public static let success = "minivm: the kit works"
  /// What the init's own lines begin with.
  public static let prefix = "minivm: "
  public static let label = "minivm-proof"
  /// It is never beside another of its kind.
  public static let uuid = "6d696e69-766d-4270-8000-726f6f660000"

  /// Modules without hardware of their own, one of which is not in the RAM disk.
  private static let candidates = [
    "dummy", "ifb", "veth", "tun", "macvlan", "xfs", "btrfs", "nfs", "zram", "wireguard",
  ]

  private let kit: Kit

  public init(_ kit: Kit) {
    self.kit = kit
  }

  /// Writes the disk, a raw image.
  /// - Throws: `FormatError` for a kit that can't be read and a path that can't be written.
  public func write(to path: String) throws {
    let ramDisk = try RamDiskContent(kit.initramfs, kit.release)
    guard !ramDisk.busybox.isEmpty else {
      throw KitError(
        .invalid, "\(kit.initramfs): has no bin/busybox",
        advice: "boot a disk of your own with --root")
    }
    let free = Self.candidates.filter { !ramDisk.moduleNames.contains($0) }
    try Self.write(
      to: path, busybox: ramDisk.busybox, initScript: Self.initScript(candidates: free))
  }

  /// Writes a root disk whose init is a script for busybox.
  static func write(to path: String, busybox: [UInt8], initScript: String) throws {
    let output = try OutputFile(replacing: path)
    let writer = try Ext4Writer(RawImageWriter(output), size: 16 << 20, mayGrow: true)
    let time = try Ext4Time(seconds: 0)
    func folder(_ path: String) throws {
      try writer.addDirectory(path, Ext4Attributes(mode: 0o755, modified: time))
    }
    func program(_ path: String, _ bytes: [UInt8]) throws {
      try writer.addFile(path, Ext4Attributes(mode: 0o755, modified: time), bytes: bytes)
    }
    for path in ["bin", "dev", "lib", "lib/modules", "proc", "run", "sbin", "sys"] {
      try folder(path)
    }
    try program("bin/busybox", busybox)
    try program("sbin/init", Array(initScript.utf8))
    try writer.finish(
      Ext4Identity(
        uuid: Self.bytes(ofUUID: Self.uuid), hashSeed: Self.bytes(ofUUID: Self.uuid),
        label: Self.label, timestamp: time))
    try output.commit()
  }

  private static func bytes(ofUUID text: String) -> [UInt8] {
    let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
  }

  private static func initScript(candidates: [String]) -> String {
    """
    #!/bin/busybox sh
    # Runs as the first process of a VM that minivm boots to show that a kit works.
    b=/bin/busybox
    [ -e /proc/mounts ] || $b mount -t proc proc /proc
    [ -e /sys/module ] || $b mount -t sysfs sys /sys
    release=$($b uname -r)
    say() { echo "\(prefix)$*"; }
    fail() { say "FAILED: $*"; $b cat /proc/mounts; $b poweroff -f; }

    say "kernel $release is up"
    source=$($b awk '$2 == "/lib/modules" { print $1 }' /proc/mounts)
    [ -n "$source" ] || fail "nothing is mounted on /lib/modules"
    [ -f "/lib/modules/$release/modules.dep" ] || fail "no /lib/modules/$release/modules.dep"
    say "/lib/modules is on $source"
    for name in \(candidates.joined(separator: " ")); do
      $b grep -q "/$name[.]ko" "/lib/modules/$release/modules.dep" || continue
      $b modprobe "$name" || fail "modprobe $name"
      [ -d "/sys/module/$name" ] || fail "$name is not there after modprobe"
      say "module $name came from it"
      say "\(success.dropFirst(prefix.count))"
      $b poweroff -f
    done
    fail "none of \(candidates.joined(separator: " ")) is in /lib/modules/$release"

    """
  }
}
