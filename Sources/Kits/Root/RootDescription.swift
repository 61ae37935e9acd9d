package import Packages

/// What a root disk was made of and what it is: `FILE.json` beside it.
package struct RootDescription: Codable, Sendable, Hashable {
  package struct Layer: Codable, Sendable, Hashable {
    /// `sha256:…` of what was read, compressed as it was; nil for a folder and a pipe.
    package var digest: String?
    /// `sha256:…` of the tar archive in it; of a folder, of its files' bytes.
    package var diffID: String
    /// Bytes of what was read.
    package var size: Int?
  }

  package struct Source: Codable, Sendable, Hashable {
    package enum Kind: String, Codable, Sendable, Hashable {
      case folder, archive, image
    }

    package var kind: Kind
    /// As the user named it; of a file or folder, without the path to it.
    package var name: String
    /// `sha256:…` of an image's manifest.
    package var digest: String?
    /// What an image says of the command that runs in it, its environment and its platform.
    package var image: ImageConfiguration?
    package var layers: [Layer] = []

    package init(kind: Kind, name: String) {
      (self.kind, self.name) = (kind, name)
    }
  }

  /// Something of the source that the disk does not have.
  package struct Dropped: Codable, Sendable, Hashable {
    package var path: String
    package var what: String
    package var reason: String
  }

  package struct Init: Codable, Sendable, Hashable {
    package var choice: RootOptions.Init
    /// In the root; nil where it has none.
    package var path: String?
  }

  package var file = ""
  package var fileSystem: RootOptions.FileSystem
  /// Bytes of the disk.
  package var size = 0
  /// Of ext4.
  package var uuid: String?
  package var label: String?
  /// Of its programs; nil where none was found.
  package var architecture: String?
  package var source: Source
  /// How many files it has, folders and links among them.
  package var files = 0
  /// Bytes of files, holes included.
  package var contentSize = 0
  /// Files, attributes of files, and times that are not on the disk.
  package var dropped: [Dropped] = []
  /// Of more than `dropped` has.
  package var droppedCount = 0
  package var initProgram: Init?
}
