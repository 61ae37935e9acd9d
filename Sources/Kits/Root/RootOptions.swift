package import Machines

/// What a user says of a root disk, beside what is on it.
package struct RootOptions: Sendable, Hashable {
  package enum FileSystem: String, Codable, Sendable, Hashable, CaseIterable {
    case ext4, squashfs
  }

  /// What runs first in a root.
  package enum Init: String, Codable, Sendable, Hashable, CaseIterable {
    /// The root's own, or none: nothing is added, not even folders.
    case none
    /// The root's own, which it must have.
    case keep
    /// The guest's program of this one.
    case minivm
  }

  package struct Owner: Codable, Sendable, Hashable {
    package var user: UInt32
    package var group: UInt32

    package init(user: UInt32, group: UInt32) {
      (self.user, self.group) = (user, group)
    }
  }

  /// MiB that are free for files on an ext4 disk.
  package static let defaultFree = 256
  package static let defaultLabel = "minivm-root"
  /// Bytes that ext4 has for a label.
  package static let labelLimit = 16

  package var fileSystem = FileSystem.ext4
  /// Of ext4; squashfs is raw.
  package var diskFormat = MachineDisk.Format.qcow2
  /// MiB of an ext4 disk; nil for what the content and `free` take.
  package var size: Int?
  /// MiB.
  package var free = defaultFree
  package var label = defaultLabel
  /// Whose all files become; nil for whose they are.
  package var owner: Owner?
  /// Nil for the root's own init, or else this program's.
  package var initChoice: Init?
  /// Whether this program's init writes the network's files to the disk.
  package var isPersistent = false

  package init() {}
}
