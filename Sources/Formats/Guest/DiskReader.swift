/// Something that can be read anywhere: a block device, or the image of one.
package protocol DiskReader {
  /// Bytes that it has.
  var size: Int { get }
  /// Up to `count` bytes: fewer at the end, none where it can't be read.
  func read(at offset: Int, count: Int) -> [UInt8]
}
