import Formats

extension FuzzTarget {
  static let archives = [
    FuzzTarget("ar") { bytes in
      var reader = try ArReader(InputFile(file(bytes)))
      while let member = try reader.next() {
        require(
          member.range.lowerBound >= 68 && member.range.upperBound <= bytes.count,
          "a member lies in its archive")
      }
    },
    FuzzTarget("tar") { bytes in
      let reader = TarReader(MemorySource(bytes))
      var read = 0
      while let entry = try reader.next() {
        requireInside(entry.path)
        if case .hardLink(let path) = entry.kind { requireInside(path) }
        require(entry.size >= 0 && entry.mode <= 0o7777, "sizes and modes are sound")
        read += try reader.body(limit: unpackedLimit).count
        require(read <= bytes.count, "an entry's bytes come from the archive")
      }
    },
    FuzzTarget("newc") { bytes in
      let reader = NewcReader(MemorySource(bytes))
      while let entry = try reader.next() {
        requireInside(entry.path)
        _ = try reader.body(limit: unpackedLimit)
      }
    },
  ]

  static let compression =
    [Compression.gzip, .xz, .lzma, .zstd, .bzip2, .lz4].map { format in
      FuzzTarget(format.rawValue) { bytes in
        let text = try SourceReader(format.decode(MemorySource(bytes), jobs: 2))
          .readToEnd(limit: unpackedLimit)
        require(text.count <= unpackedLimit, "a limit holds")
      }
    } + [
      FuzzTarget("gzip-members") { bytes in
        var members = GzipMembers(bytes)
        while let member = try members.next(limit: unpackedLimit) {
          require(member.content.count <= unpackedLimit, "a limit holds")
        }
      }
    ]
}
