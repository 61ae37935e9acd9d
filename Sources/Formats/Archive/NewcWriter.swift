/// Writes a cpio archive in the "newc" form that the kernel unpacks into its first file system.
///
/// Linux, Documentation/driver-api/early-userspace/buffer-format.rst. Owner 0:0, inode numbers counted
/// from 1, no device numbers of this machine: only what is given shows.
package struct NewcWriter: Sendable {
  package enum Kind: Sendable, Hashable {
    case directory
    case file([UInt8])
    /// Another name of a file that was added before, by its number.
    case hardLink(UInt32)
    case symbolicLink(target: String)
    case characterDevice(major: UInt32, minor: UInt32)
  }

  private var bytes: [UInt8] = []
  private var inode: UInt32 = 0

  package init() {}

  /// Adds an entry, whose parent folder was added before.
  /// - Parameters:
  ///   - mode: permission bits.
  ///   - modified: seconds since 1970; 0 to 2³²-1.
  ///   - links: how many names a file has, all of which are to be added.
  /// - Returns: the number of what was added.
  /// - Throws: `FormatError.overflow` for what the form's 32-bit fields can't hold.
  @discardableResult
  package mutating func add(
    _ path: String, _ kind: Kind, mode: UInt32, modified: Int, links: Int = 1
  ) throws(FormatError) -> UInt32 {
    guard !path.isEmpty, !path.utf8.contains(0), path.utf8.count <= ArchivePath.lengthLimit else {
      throw FormatError(.overflow, "\(path.quoted) can't be a path in an initramfs")
    }
    let links = UInt32(clamping: links)
    if case .hardLink(let file) = kind {
      try append(path, file, type: 0o100000, mode: mode, modified: modified, links: links)
      return file
    }
    inode += 1
    switch kind {
    case .directory: try append(path, type: 0o040000, mode: mode, modified: modified, links: 2)
    case .file(let data):
      try append(path, type: 0o100000, mode: mode, modified: modified, links: links, data: data)
    case .hardLink: break
    case .symbolicLink(let target):
      try append(path, type: 0o120000, mode: 0o777, modified: modified, data: Array(target.utf8))
    case .characterDevice(let major, let minor):
      try append(path, type: 0o020000, mode: mode, modified: modified, device: (major, minor))
    }
    return inode
  }

  /// Makes room for entries, so that what is written is not moved while they are added.
  /// - Parameter sizes: of paths and contents, in bytes.
  package mutating func reserve(_ sizes: some Sequence<(path: Int, content: Int)>) {
    // A header, the path's end, twice what makes a multiple of 4; two entries that come by themselves.
    bytes.reserveCapacity(
      sizes.reduce(bytes.count + 256) { $0 + 110 + $1.path + 1 + $1.content + 6 })
  }

  /// What was added since the last time.
  package mutating func take() -> [UInt8] {
    let part = bytes
    bytes = []
    return part
  }

  /// The archive's end, after what was added since `take`.
  package mutating func finish() throws(FormatError) -> [UInt8] {
    inode = 0
    try append("TRAILER!!!", type: 0, mode: 0, modified: 0)
    return take()
  }

  private mutating func append(
    _ path: String, _ number: UInt32? = nil, type: UInt32, mode: UInt32, modified: Int,
    links: UInt32 = 1,
    device: (major: UInt32, minor: UInt32) = (0, 0), data: [UInt8] = []
  ) throws(FormatError) {
    guard let size = UInt32(exactly: data.count), let modified = UInt32(exactly: max(0, modified))
    else {
      throw FormatError(.overflow, "\(path.quoted) is too large or too new for an initramfs")
    }
    let name = Array(path.utf8) + [0]
    bytes.append(contentsOf: "070701".utf8)
    let fields: [UInt32] = [
      number ?? inode, type | mode & 0o7777, 0, 0, links, modified, size, 0, 0, device.major,
      device.minor,
      UInt32(name.count), 0,
    ]
    for field in fields {
      let digits = String(field, radix: 16, uppercase: true)
      bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: 8 - digits.count))
      bytes.append(contentsOf: digits.utf8)
    }
    bytes.append(contentsOf: name)
    pad()
    bytes.append(contentsOf: data)
    pad()
  }

  private mutating func pad() {
    let rest = bytes.count % 4
    if rest != 0 { bytes.append(contentsOf: repeatElement(0, count: 4 - rest)) }
  }
}
