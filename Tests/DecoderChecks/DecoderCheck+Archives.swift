import Formats

extension DecoderCheck {
  static let archives = [
    DecoderCheck("ar") { bytes in
      var reader = try ArReader(file(bytes))
      while let member = try reader.next() {
        try require(
          member.range.lowerBound >= 68 && member.range.upperBound <= bytes.count,
          "a member lies in its archive")
      }
    },
    DecoderCheck("tar") { bytes in
      let reader = TarReader(MemorySource(bytes))
      var read = 0
      while let entry = try reader.next() {
        try requireInside(entry.path)
        if case .hardLink(let path) = entry.kind { try requireInside(path) }
        try require(entry.size >= 0 && entry.mode <= 0o7777, "sizes and modes are sound")
        read += try reader.body(limit: unpackedLimit).count
        try require(read <= bytes.count, "an entry's bytes come from the archive")
      }
    },
    DecoderCheck("newc") { bytes in
      let reader = NewcReader(MemorySource(bytes))
      while let entry = try reader.next() {
        try requireInside(entry.path)
        _ = try reader.body(limit: unpackedLimit)
      }
    },
    DecoderCheck("initramfs-archives") { bytes in
      let reader = try InitramfsReader(file(bytes))
      var tree = InitramfsTree<Int>()
      var places: [Int] = []
      while let entry = try reader.next() {
        try requireInside(entry.path)
        try tree.add(entry, of: reader) { path, _ in
          try requireInside(path)
          return try reader.body(limit: unpackedLimit).count
        }
        places = reader.parts.map(\.offset)
      }
      try require(places == places.sorted(), "parts come one after the other")
      try require(places.allSatisfy { $0 < bytes.count }, "a part lies in the file")
      for (path, node) in tree.entries.prefix(100) {
        try requireInside(path)
        if node.isFile { try require(node.content == node.size, "a file has the bytes it says") }
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { continue }
        try require(
          tree.node(String(path[..<slash]))?.isDirectory == true, "what is in a folder has one")
      }
    },
  ]

  static let compression =
    [Compression.gzip, .xz, .lzma, .zstd, .bzip2, .lz4].map { format in
      DecoderCheck(format.rawValue) { bytes in
        let text = try SourceReader(format.decode(MemorySource(bytes), jobs: 2))
          .readToEnd(limit: unpackedLimit)
        try require(text.count <= unpackedLimit, "a limit holds")
      }
    } + [
      DecoderCheck("gzip-members") { bytes in
        var members = GzipMembers(bytes)
        while let member = try members.next(limit: unpackedLimit) {
          try require(member.content.count <= unpackedLimit, "a limit holds")
        }
      }
    ]
}
