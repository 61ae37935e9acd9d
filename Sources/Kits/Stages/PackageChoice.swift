internal import Basics

/// A package as a user names it: `name`, `name=version`, or a kernel release.
package struct PackageChoice {
  /// The package's name, or a name that leads to it.
  package var name: String
  /// The version to take; nil for the newest.
  package var version: String?

  /// - Throws: `KitError.usage` for a version that is none.
  package init(_ word: String) throws {
    let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    name = String(parts[0])
    version = parts.count == 2 ? String(parts[1]) : nil
    if version?.isEmpty == true || word.isEmpty {
      throw KitError(.usage, "\(word): names no version", advice: "give NAME or NAME=VERSION")
    }
  }
}
