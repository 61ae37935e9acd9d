/// A name of bytes, which need not be text, that is fast to look up.
public struct ByteString: Hashable, Sendable {
  public let bytes: ArraySlice<UInt8>

  public init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
  }

  public func hash(into hasher: inout Hasher) {
    // The sequence's own hash goes byte by byte, ten times slower.
    unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
  }

  public static func == (left: ByteString, right: ByteString) -> Bool {
    left.bytes.count == right.bytes.count && left.bytes.elementsEqual(right.bytes)
  }
}

/// Many short byte strings in one piece of memory.
public struct ByteStrings: Sendable, RandomAccessCollection, Equatable {
  private var storage: [UInt8] = []
  private var ends: [Int] = []

  public init() {}

  public init(_ strings: some Sequence<String>) {
    for string in strings { append(string.utf8) }
  }

  public var startIndex: Int { 0 }
  public var endIndex: Int { ends.count }
  /// The length of all strings together, in bytes.
  public var byteCount: Int { storage.count }

  public subscript(index: Int) -> ArraySlice<UInt8> {
    storage[(index == 0 ? 0 : ends[index - 1])..<ends[index]]
  }

  public mutating func append(_ string: some Sequence<UInt8>) {
    storage.append(contentsOf: string)
    ends.append(storage.count)
  }

  public mutating func append(_ string: ArraySlice<UInt8>) {
    storage.append(contentsOf: string)
    ends.append(storage.count)
  }
}
