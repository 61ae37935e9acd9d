/// Something that two kits have otherwise.
package struct Change: Codable, Sendable, Hashable {
  package var name: String
  /// Nil where there is none.
  package var from: String?
  package var to: String?

  /// - Returns: nil for what is the same.
  package init?(_ name: String, _ from: String?, _ to: String?) {
    guard from != to else { return nil }
    (self.name, self.from, self.to) = (name, from, to)
  }
}

/// A file that two kits have otherwise, and its sizes in bytes; nil where it is not there.
package struct FileChange: Codable, Sendable, Hashable {
  /// The path that changed.
  package var path: String
  package var from: Int?
  package var to: Int?

  /// Notes a change; nil for a side without the path.
  package init(path: String, from: Int?, to: Int?) {
    (self.path, self.from, self.to) = (path, from, to)
  }
}
