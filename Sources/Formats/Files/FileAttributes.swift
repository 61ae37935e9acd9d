/// What a file system says of a file beside its kind and content, whichever archive or image it is in.
package struct FileAttributes: Sendable, Hashable {
  /// Permission bits, with set-uid, set-gid and sticky.
  package var mode: UInt16
  package var owner: UInt32
  package var group: UInt32
  package var modified: FileTime
  /// In the byte order of their names, each name once.
  package var extended: [ExtendedAttribute]

  package init(
    mode: UInt16, owner: UInt32 = 0, group: UInt32 = 0, modified: FileTime,
    extended: [ExtendedAttribute] = []
  ) {
    self.mode = mode
    self.owner = owner
    self.group = group
    self.modified = modified
    self.extended = extended
  }
}

/// A time of a file, as POSIX has it.
package struct FileTime: Sendable, Hashable, Comparable {
  /// Since 1970; negative for earlier times.
  package var seconds: Int
  /// 0 to 999,999,999, later than `seconds`.
  package var nanoseconds: UInt32

  package init(seconds: Int, nanoseconds: UInt32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
  }

  package static func < (left: FileTime, right: FileTime) -> Bool {
    (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
  }
}

/// An extended attribute: xattr(7).
package struct ExtendedAttribute: Sendable, Hashable {
  /// The longest name, in bytes: XATTR_NAME_MAX of linux/limits.h.
  package static let nameLimit = 255
  /// The largest value, in bytes: XATTR_SIZE_MAX of linux/limits.h.
  package static let valueLimit = 1 << 16

  /// With its namespace, such as `security.capability`.
  package var name: [UInt8]
  package var value: [UInt8]

  package init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }
}
