import Formats

@testable import Kits

/// What roots are made of, and the disks that they are read from again.
extension DecoderCheck {
  static let roots = [
    DecoderCheck("root-layers") { bytes in
      // A layer over itself: whiteouts and links of the second meet files of the first.
      var tree = RootTree()
      for _ in 0..<2 {
        let members = TarMembers(MemorySource(bytes))
        try tree.apply(hasWhiteouts: true) {
          guard let member = try members.next() else { return nil }
          try requireInside(member.path)
          if case .hardLink(let target) = member.kind { try requireInside(target) }
          if case .node(.file(let size)) = member.kind {
            try require(
              try length(of: members.body, size: size) <= size, "a file has the size it says")
          }
          return member
        }
      }
      var lists = 0
      try tree.forEach { path, number in
        try requireInside(path)
        for list in tree.nodes[number].accessLists where lists < 100 {
          lists += 1
          _ = try? RootAccessLists(passwd: nil, group: nil).attribute(list)
        }
      }
    },
    DecoderCheck("squashfs-files") { bytes in
      let system = try SquashfsReader(RawImageReader(file(bytes)))
      if let identity = system.identity {
        try require(identity.uuid.count == 16 && identity.label.count <= 64, "a footer is sound")
      }
      try walk(system)
    },
    DecoderCheck("ext4-files") { bytes in
      let system = try Ext4Reader(RawImageReader(file(bytes)))
      try walk(system)
      _ = try system.find(Array("folder/../link/below/small".utf8))
    },
  ]

  /// Goes over all files of a system, as far as it can be read.
  static func walk(_ system: any FileSystemReader) throws {
    let members = FileSystemMembers(system)
    var count = 0
    while count < 500, let member = try members.next() {
      count += 1
      try requireInside(member.path)
      for attribute in member.attributes.extended {
        try require(attribute.value.count <= ExtendedAttribute.valueLimit, "an attribute is small")
      }
      if case .node(.file(let size)) = member.kind,
        let length = try? length(of: members.body, size: size)
      {
        try require(length <= size, "a file has the size it says")
      }
    }
  }

  /// Bytes of a file, as far as they are looked at.
  private static func length(of body: any ByteSource, size: Int) throws -> Int {
    var length = 0
    while length < unpackedLimit {
      length += try (body as? any SparseByteSource)?.skipHole() ?? 0
      let piece = try body.next()
      if piece.isEmpty { break }
      length += piece.count
    }
    return length
  }

  /// What stands for the path of a file below a root.
  private static func requireInside(_ path: [UInt8]) throws(BrokenPromise) {
    try require(path.first != 0x2f && !path.contains(0), "a path is relative and has no NUL")
    try require(
      !path.split(separator: 0x2f).contains {
        $0.elementsEqual([0x2e, 0x2e]) || $0.elementsEqual([0x2e])
      },
      "a path has neither . nor ..")
  }
}
