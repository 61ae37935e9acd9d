/// Something that two kits have otherwise.
public struct Change: Codable, Sendable, Hashable {
  public var name: String
  /// Nil where there is none.
  public var from: String?
  public var to: String?

  /// - Returns: nil for what is the same.
  init?(_ name: String, _ from: String?, _ to: String?) {
    guard from != to else { return nil }
    (self.name, self.from, self.to) = (name, from, to)
  }
}

/// A file that two kits have otherwise, and its sizes in bytes; nil where it is not there.
public struct FileChange: Codable, Sendable, Hashable {
  public var path: String
  public var from: Int?
  public var to: Int?
}
