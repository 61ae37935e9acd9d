/// Reads the files of a file system, in an image or an archive.
///
/// Inode numbers are the reader's own: files with one number are one file with several names.
/// What an image says is an attacker's: readers check it, and end on an image that leads in circles.
///
/// To be used from one thread.
package protocol FileSystemReader: AnyObject {
  var rootInode: UInt64 { get }

  /// - Throws: `FormatError` for an inode that is not there or makes no sense.
  func inode(_ number: UInt64) throws -> FileInode

  /// What is in a folder, without `.` and `..`, in the order of the image.
  func names(inDirectory number: UInt64) throws -> [(name: [UInt8], inode: UInt64)]

  /// The bytes of a file, zeros for its holes.
  func content(ofFile number: UInt64) throws -> any ByteSource
}

/// What a file system knows of a file, apart from its names.
package struct FileInode: Sendable, Hashable {
  package var kind: FileKind
  package var attributes: FileAttributes
  /// How many names it has, as the file system says.
  package var links: Int

  package init(kind: FileKind, attributes: FileAttributes, links: Int) {
    self.kind = kind
    self.attributes = attributes
    self.links = links
  }
}
