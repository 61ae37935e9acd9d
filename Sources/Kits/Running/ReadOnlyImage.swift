internal import Formats

/// What the images of one run have in common.
enum ReadOnlyImage {
  /// Completes a file system that is for one run.
  static func finish(_ writer: Ext4Writer) throws {
    let bytes = [UInt8](repeating: 0x5a, count: 16)
    try writer.finish(
      Ext4Identity(uuid: bytes, hashSeed: bytes, label: "minivm-run", timestamp: time(0)))
  }

  /// The nearest time that an inode can hold.
  static func time(_ seconds: Int, _ nanoseconds: Int = 0) -> Ext4Time {
    Ext4Time(nearest: FileTime(seconds: seconds, nanoseconds: UInt32(clamping: nanoseconds)))
  }
}
