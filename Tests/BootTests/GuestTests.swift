import TestSupport
import Testing

/// The RAM disk's init in a machine. `scripts/guest-test` has many more cases; these stand for the
/// ways in: by name, by label, with the modules disk, and through the shell.
@Suite(.serialized) struct GuestTests {
  @Test(arguments: ["dev_scsi", "label_quoted", "modules_disk", "recovery"])
  func bootsRoot(_ name: String) async throws {
    try await run([name])
  }

  @Test("Other roots than ext4, layers in RAM, folders of the host")
  func otherRoots() async throws {
    try await run(["root_xfs", "root_btrfs", "overlay", "overlay_squashfs", "root_virtiofs"])
  }

  @Test("An init that mounts /dev and /sys itself")
  func ownMounts() async throws {
    try await run(["mounts_own", "mounts_none"])
  }

  @Test(
    "Modules in root and on the disk, a root without a folder for them, and one without an init")
  func modulesInRoot() async throws {
    try await run(["modules_merged_kmod", "modules_no_folder_overlay", "no_init_untouched"])
  }

  @Test("Forms of root=: those that can't be served are named at once")
  func rootForms() async throws {
    try await run([
      "root_forms", "root_beyond", "root_member", "root_id", "partnroff", "root_btrfs_two",
    ])
  }

  @Test("The power button ends a guest without udev")
  func powerButton() async throws {
    try await run(["power_off", "power_off_shell"])
  }

  @Test("Disks and cards have one order, and the modules disk is never root")
  func order() async throws {
    try await run([
      "order_disks", "order_disks_shell", "order_other_letter", "order_cards", "order_cards_shell",
      "modules_never_root",
    ])
  }

  private func run(_ cases: [String]) async throws {
    let root = String(#filePath.split(separator: "Tests/BootTests")[0])
    let result = try await Tool.run("\(root)scripts/guest-test", cases)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }
}
