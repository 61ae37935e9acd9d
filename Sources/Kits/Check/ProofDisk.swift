internal import Basics
internal import Formats
internal import Machines

/// A small root disk whose init shows that a kit works: it prints the kernel's release, finds its
/// modules on the modules disk, loads one from there, and powers off.
///
/// What can't be shown is said and does not fail: a kernel without modules has none to load, and a modules disk may
/// hold drivers of hardware only.
package struct ProofDisk: Sendable {
  /// What the last line of a guest begins with in which all of it worked.
  package static let success = "minivm: the kit works"
  /// What the init's own lines begin with.
  package static let prefix = "minivm: "
  private static let unproved = "not proved: "
  package static let label = "minivm-proof"
  /// It is never beside another of its kind.
  package static let uuid = "6d696e69-766d-4270-8000-726f6f660000"

  /// What a guest says that it could not show, of the lines of its console.
  package static func unproved(in lines: [String]) -> [String] {
    let start = prefix + unproved
    return lines.filter { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
  }

  private let kit: Kit

  package init(_ kit: Kit) {
    self.kit = kit
  }

  /// Writes the disk, a raw image.
  /// - Throws: `FormatError` for a kit that can't be read and a path that can't be written.
  package func write(to path: String) throws {
    let ramDisk = try RamDiskContent(kit.initramfs, kit.release)
    guard !ramDisk.busybox.isEmpty else {
      throw KitError(
        .invalid, "\(kit.initramfs): has no bin/busybox",
        advice: "boot a disk of your own with --root")
    }
    let proof = try ModuleProof(kit, inside: ramDisk.moduleNames)
    try Self.write(
      to: path, busybox: ramDisk.busybox, loader: proof.loader, initScript: Self.initScript(proof))
  }

  /// Writes a root disk whose init is a script for busybox.
  /// - Parameter loader: a program that takes busybox' place in loading modules, if any.
  static func write(
    to path: String, busybox: [UInt8], loader: [UInt8]? = nil, initScript: String
  ) throws {
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
    if let loader { try program("bin/coldplug", loader) }
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

  private static func initScript(_ proof: ModuleProof) -> String {
    """
    #!/bin/busybox sh
    # Runs as the first process of a VM that minivm boots to show that a kit works.
    b=/bin/busybox
    [ -e /proc/mounts ] || $b mount -t proc proc /proc
    # Of an init that has the name of this file system in it, the RAM disk thinks that it mounts it itself.
    name=sys
    [ -e /sys/kernel ] || $b mount -t "${name}fs" sys /sys
    release=$($b uname -r)
    say() { echo "\(prefix)$*"; }
    finish() { say "\(success.dropFirst(prefix.count))"; $b poweroff -f; }
    fail() { say "FAILED: $*"; $b cat /proc/mounts; $b poweroff -f; }

    say "kernel $release is up"
    \(proof.disk == nil ? "say '\(unproved)\(proof.obstacle ?? "")'; finish" : "")
    source=$($b awk '$2 == "/lib/modules" { print $1 }' /proc/mounts)
    [ -n "$source" ] || fail "nothing is mounted on /lib/modules"
    [ -f "/lib/modules/$release/modules.dep" ] || fail "no /lib/modules/$release/modules.dep"
    say "/lib/modules is on $source"
    # FILE NAME LOADS: whether the module is known to load anywhere.
    try() {
      $b cat "/lib/modules/$release/$1" >/dev/null || fail "/lib/modules/$release/$1 can't be read"
      [ ! -d "/sys/module/$2" ] || return 0
      said=$(\(proof.loader == nil ? "$b modprobe" : "/bin/coldplug -q --") "$2" 2>&1)
      if [ -d "/sys/module/$2" ]; then
        say "module $2 came from it"
        finish
      fi
      case $3$said in
        yes* | *"invalid module format"* | *"unknown symbol"* | *"wrong symbol version"*)
          fail "modprobe $2: $said" ;;
      esac
      tried="$tried $2"
    }
    tried=''
    \(proof.obstacle.map { "say '\(unproved)\($0)'; finish" } ?? "")
    \(proof.candidates.map { "try \($0.path.shellQuoted) \($0.name.shellQuoted) \($0.loadsAnywhere ? "yes" : "no")" }.joined(separator: "\n"))
    say "\(unproved)that a module loads: without their hardware, these did not:${tried:- none}"
    finish

    """
  }
}
