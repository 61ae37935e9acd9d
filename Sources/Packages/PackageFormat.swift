package import Formats

/// The formats of packages that minivm reads.
package enum PackageFormat {
  /// A format is registered here, and nowhere else.
  private static let all: [any PackageArchive.Type] = [DebArchive.self, ApkArchive.self]

  /// Opens a package of whichever format it is. A file that is of none is read as the format of its name, or as a
  /// .deb: that error says what is missing.
  /// - Throws: as the format's `init`.
  package static func open(_ file: InputFile) throws -> any PackageArchive {
    let format =
      try format(of: file) ?? all.first { file.path.hasSuffix($0.fileExtension) } ?? DebArchive.self
    return try format.init(file)
  }

  /// Opens the package at a path.
  /// - Throws: as the format's `init`, and `FormatError.io` where there is no such file.
  package static func open(_ path: String) throws -> any PackageArchive {
    try open(InputFile(path))
  }

  /// Returns whether a file begins as a package of any format.
  /// - Throws: `FormatError.io`.
  package static func isPackage(_ file: InputFile) throws -> Bool {
    try format(of: file) != nil
  }

  /// Returns whether a word names a package's file, by its end.
  package static func isFileName(_ word: String) -> Bool {
    all.contains { word.hasSuffix($0.fileExtension) }
  }

  private static func format(of file: InputFile) throws -> (any PackageArchive.Type)? {
    let start = try file.read(at: 0, count: 8)
    return all.first { $0.isBegun(by: start) }
  }
}
