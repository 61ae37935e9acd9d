/// What writer, readers and checks of ext4 have to agree on. ext4 documentation, "Super Block".
enum Ext4Format {
  /// Bytes before the superblock, and bytes of it.
  static let superblockOffset = 1024
  static let superblockSize = 1024
  static let magicOffset = 0x38
  static let magic: UInt16 = 0xEF53

  /// Features that a kernel may leave alone that does not know them.
  struct Compatible: OptionSet {
    let rawValue: UInt32
    static let hasJournal = Self(rawValue: 0x4)
    static let extendedAttributes = Self(rawValue: 0x8)
    static let resizeInode = Self(rawValue: 0x10)
    static let directoryIndex = Self(rawValue: 0x20)
    static let sparseSuperblocks2 = Self(rawValue: 0x200)
  }

  /// Features without which a file system can't be read.
  struct Incompatible: OptionSet {
    let rawValue: UInt32
    static let fileType = Self(rawValue: 0x2)
    /// Blocks in the journal are newer than those in their places.
    static let needsRecovery = Self(rawValue: 0x4)
    /// The file system is another's journal.
    static let journalDevice = Self(rawValue: 0x8)
    static let extents = Self(rawValue: 0x40)
    static let is64Bit = Self(rawValue: 0x80)
    static let flexibleGroups = Self(rawValue: 0x200)
    static let attributeInodes = Self(rawValue: 0x400)
    static let checksumSeed = Self(rawValue: 0x2000)
    static let largeDirectories = Self(rawValue: 0x4000)
    static let inlineData = Self(rawValue: 0x8000)
    static let encryption = Self(rawValue: 0x1_0000)
    static let caseFolding = Self(rawValue: 0x2_0000)
  }

  /// Features without which a file system can be read, not written.
  struct ReadOnly: OptionSet {
    let rawValue: UInt32
    static let sparseSuperblocks = Self(rawValue: 0x1)
    static let largeFiles = Self(rawValue: 0x2)
    static let hugeFiles = Self(rawValue: 0x8)
    static let manyLinks = Self(rawValue: 0x20)
    static let extraInodeSize = Self(rawValue: 0x40)
    static let metadataChecksums = Self(rawValue: 0x400)
    static let orphansPresent = Self(rawValue: 0x1_0000)
  }
}
