/// What a file has beside its content.
package struct Ext4Attributes: Sendable, Hashable {
  /// Permission bits, with set-uid, set-gid and sticky.
  package var mode: UInt16
  package var owner: UInt32
  package var group: UInt32
  /// Also becomes the time of access, of change and of creation: nothing else is known that would be
  /// the same for the same tree.
  package var modified: Ext4Time

  /// - Parameter mode: bits above 07777 are ignored.
  package init(mode: UInt16, owner: UInt32 = 0, group: UInt32 = 0, modified: Ext4Time) {
    self.mode = mode & 0o7777
    self.owner = owner
    self.group = group
    self.modified = modified
  }
}
