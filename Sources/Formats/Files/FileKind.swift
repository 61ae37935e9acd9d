/// What a file is, and what belongs to that.
package enum FileKind: Sendable, Hashable {
  /// - Parameter size: bytes.
  case file(size: Int)
  case directory
  /// - Parameter target: bytes without NUL, whatever they lead to.
  case symbolicLink(target: [UInt8])
  case characterDevice(major: UInt32, minor: UInt32)
  case blockDevice(major: UInt32, minor: UInt32)
  case fifo
  case socket
}

extension FileKind {
  package var isFile: Bool { if case .file = self { true } else { false } }
  package var isSymbolicLink: Bool { if case .symbolicLink = self { true } else { false } }
}
