/// The files of one layer of a root, one after another.
package protocol RootMembers: AnyObject {
  /// - Returns: nil after the last one.
  func next() throws -> TarMember?

  /// The bytes of the current one, where it is a file; to be asked for once, before the next one.
  var body: any ByteSource { get }
}

/// Those of a tar archive.
package final class TarMembers: RootMembers {
  private let reader: TarReader

  package init(_ source: any ByteSource) {
    reader = TarReader(source)
  }

  package func next() throws -> TarMember? { try reader.nextMember() }
  package var body: any ByteSource { reader.body }
}

/// Files that are in memory.
package final class MemoryMembers: RootMembers {
  package typealias File = (member: TarMember, bytes: [UInt8])

  private var files: ArraySlice<File>
  private var bytes: [UInt8] = []

  package init(_ files: [File]) {
    self.files = files[...]
  }

  package func next() -> TarMember? {
    let file = files.popFirst()
    bytes = file?.bytes ?? []
    return file?.member
  }

  package var body: any ByteSource { MemorySource(bytes) }
}
