/// One file of a tar archive that holds a root: its path and link targets are bytes, with all that Linux keeps of a
/// file.
package struct TarMember: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case node(FileKind)
    /// The same file as another entry's, which may come later.
    case hardLink(target: [UInt8])
  }

  /// A POSIX access control list in its text form, whose users may be names: acl(5).
  package struct AccessList: Sendable, Hashable {
    /// Whether files that are made in the folder get it.
    package var isDefault: Bool
    package var text: [UInt8]
  }

  /// Relative, without `.`, `..` and empty parts; empty for the archive's root.
  package var path: [UInt8]
  package var kind: Kind
  package var attributes: FileAttributes
  package var accessLists: [AccessList] = []

  package init(
    path: [UInt8], kind: Kind, attributes: FileAttributes, accessLists: [AccessList] = []
  ) {
    self.path = path
    self.kind = kind
    self.attributes = attributes
    self.accessLists = accessLists
  }

  /// Bytes of its content, those of holes included; 0 for all but files.
  package var size: Int {
    if case .node(.file(let size)) = kind { size } else { 0 }
  }
}

extension TarEntry {
  /// - Throws: `FormatError` for a path that leads out of the archive, or is not UTF-8.
  init(_ member: TarMember) throws(FormatError) {
    path = try ArchivePath.normalize(member.path)
    switch member.kind {
    case .node(.file): kind = .file
    case .node(.directory): kind = .directory
    case .node(.symbolicLink(let target)):
      guard let text = String(validating: target, as: UTF8.self) else {
        throw FormatError(.malformed, "\(path.quoted): a link to nowhere")
      }
      kind = .symbolicLink(target: text)
    case .node(.characterDevice(let major, let minor)):
      kind = .characterDevice(major: major, minor: minor)
    case .node(.blockDevice(let major, let minor)):
      kind = .blockDevice(major: major, minor: minor)
    case .node(.fifo), .node(.socket): kind = .fifo
    case .hardLink(let target): kind = .hardLink(path: try ArchivePath.normalize(target))
    }
    mode = UInt32(member.attributes.mode)
    size = member.size
    modified = member.attributes.modified.seconds
    owner = member.attributes.owner
    group = member.attributes.group
  }
}
