internal import Basics
package import Formats

/// What is known of the modules on a finished disk, as the cache keeps it.
package struct ModuleRecords {
  /// A module on the disk.
  package struct Record {
    /// Below lib/modules/VER.
    package var path: String
    /// What the module's file says of itself.
    package var facts: ModuleFacts
    /// Where its bytes are on the disk.
    package var place: Ext4FilePlace

    /// Makes a record of one module.
    package init(path: String, facts: ModuleFacts, place: Ext4FilePlace) {
      (self.path, self.facts, self.place) = (path, facts, place)
    }
  }

  private static let sizeLimit = 1 << 30
  /// The most blocks that a disk has: 16 TiB.
  private static let blockLimit = 1 << 32

  /// The modules, in the order of the index.
  package var records: [Record]
  /// The files of the kernel's build.
  package var lists: ModuleIndex.BuildLists

  /// Makes the records of a disk.
  package init(records: [Record], lists: ModuleIndex.BuildLists) {
    self.records = records
    self.lists = lists
  }

  /// A form of this program's own, compressed.
  /// - Throws: `FormatError.limit` without memory.
  package func bytes() throws(FormatError) -> [UInt8] {
    var writer = ByteWriter()
    for list in [lists.order, lists.builtin, lists.builtinInformation] {
      writer.byte(list == nil ? 0 : 1)
      writer.littleEndian(list?.count ?? 0)
      writer.append(list ?? [])
    }
    writer.littleEndian(records.count)
    for record in records {
      try ByteStrings([record.path]).write(to: &writer)
      writer.littleEndian(record.place.size)
      writer.littleEndian(record.place.runs.count)
      for run in record.place.runs {
        writer.littleEndian(run.lowerBound)
        writer.littleEndian(run.count)
      }
      try record.facts.write(to: &writer)
    }
    return try Compression.zstd.compress(writer.bytes, level: 1)
  }

  /// - Throws: for what `bytes` did not make.
  package init(reading bytes: [UInt8]) throws {
    var reader = ByteReader(try Compression.decompress(bytes, limit: Self.sizeLimit))
    func list() throws -> [UInt8]? {
      let isThere = try reader.byte() == 1
      let bytes = Array(try reader.bytes(reader.littleEndian(Int.self)))
      return isThere ? bytes : nil
    }
    lists = ModuleIndex.BuildLists(
      order: try list(), builtin: try list(), builtinInformation: try list())
    records = []
    for _ in 0..<max(0, try reader.littleEndian(Int.self)) {
      let path = try ByteStrings(reading: &reader).map { String(decoding: $0, as: UTF8.self) }
      var place = Ext4FilePlace(runs: [], size: try reader.littleEndian())
      for _ in 0..<max(0, try reader.littleEndian(Int.self)) {
        let start = try reader.littleEndian(Int.self)
        let (end, overflow) = start.addingReportingOverflow(try reader.littleEndian(Int.self))
        guard !overflow, 0 <= start, start <= end, end <= Self.blockLimit else {
          throw FormatError(.malformed, "module has no location", offset: reader.offset)
        }
        place.runs.append(start..<end)
      }
      records.append(
        Record(
          path: path.first ?? "", facts: try ModuleFacts(reading: &reader), place: place))
    }
  }
}
