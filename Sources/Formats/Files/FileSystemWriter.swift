/// Makes a file system of files that arrive one after another, in any order.
///
/// A path is the bytes between the root and the file, its parts separated by one slash each, without `.`, `..` and
/// a slash at the start; empty for the root. A folder that a path needs and that did not come before has mode 0755,
/// owner 0:0 and the time of the file that needed it, unless it comes later.
///
/// To be used from one thread. After an error nothing can be added.
package protocol FileSystemWriter: AnyObject {
  /// Adds what is no second name of another file.
  /// - Parameter content: the bytes of a file, exactly as many as its kind says; nil for everything else.
  /// - Throws: `FormatError` for a path that was added before or leads through a file, for content of another size,
  ///   and for what the file system can't hold.
  func add(
    _ path: [UInt8], _ kind: FileKind, _ attributes: FileAttributes, content: (any ByteSource)?
  ) throws

  /// Adds one more name of a file that was added before, and is no folder.
  func addHardLink(_ path: [UInt8], to target: [UInt8]) throws
}
