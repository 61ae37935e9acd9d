package import Basics
internal import Formats

/// A folder of this machine, or a disk image's root, that a guest sees.
package struct RunShare: Sendable, Hashable {
  /// On this machine: absolute, without links; for an image, the file that the user named.
  package var host: String
  /// In the guest: absolute.
  package var guest: String
  package var isReadOnly: Bool
  /// Where the guest gets it from, if not as a folder.
  var image: RunImage?

  /// A root that is no folder.
  init(_ file: String, _ image: RunImage) {
    (host, guest, isReadOnly, self.image) = (file, "/", true, image)
  }

  /// - Throws: `KitError.missing` for what is no folder here, `KitError.usage` for a place in the guest that
  ///   is not absolute.
  package init(_ host: String, at guest: String? = nil, isReadOnly: Bool) throws(KitError) {
    guard let path = FileTree.realPath(host), FileTree.isDirectory(path) else {
      throw KitError(
        .missing, "\(host): no such folder", advice: "name a folder that exists on this machine")
    }
    let guest = guest ?? path
    guard guest.hasPrefix("/"), !guest.split(separator: "/").contains(".."), !guest.contains("\0")
    else {
      throw KitError(
        .usage, "\(guest.quoted) is no absolute path of the guest",
        advice: "give --share FOLDER:/PATH")
    }
    (self.host, self.guest, self.isReadOnly) = (path, guest, isReadOnly)
  }

  /// A share as `--share` has it: `FOLDER[:GUEST][:ro]`.
  /// - Throws: as `init(_:at:isReadOnly:)`, and `KitError.usage` for a path with a colon.
  package init(argument: String) throws(KitError) {
    var parts = argument.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    let isReadOnly = parts.count > 1 && parts.last == "ro"
    if isReadOnly || parts.count > 1 && parts.last == "rw" { parts.removeLast() }
    guard (1...2).contains(parts.count), !parts.contains("") else {
      throw KitError(.usage, "\(argument.quoted) is no share", advice: "give FOLDER[:GUEST][:ro]")
    }
    try self.init(parts[0], at: parts.count == 2 ? parts[1] : nil, isReadOnly: isReadOnly)
    if self.host == "/", !isReadOnly {
      throw KitError(
        .usage, "/ is not shared for writing", advice: "share a folder below it, or add :ro")
    }
  }
}

/// How a guest gets folders of this machine.
package enum RunTransport: String, Sendable, Hashable, CaseIterable {
  case virtiofs
  case p9 = "9p"
  /// Each folder as it is now, on a read-only disk.
  case disk

  /// In the channel's messages.
  var number: UInt8 {
    switch self {
    case .virtiofs: 0
    case .p9: 1
    case .disk: 2
    }
  }

  /// Modules that the guest needs for it.
  var modules: [String] {
    switch self {
    case .virtiofs: ["virtiofs"]
    case .p9: ["9pnet_virtio", "9p"]
    case .disk: []
    }
  }
}
