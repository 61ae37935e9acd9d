internal import Basics
internal import Formats
package import Machines

/// A disk that `run --disk` attaches.
package enum RunDisk {
  /// The disk of a word such as `IMAGE`, `IMAGE:ro` or `IMAGE:snapshot`.
  /// - Throws: `KitError` for an image that is not there, or that is not whole.
  package static func disk(argument: String) throws -> MachineDisk {
    for (suffix, access) in [(":ro", .unchanged), (":snapshot", .snapshot), (":rw", .readWrite)]
      as [(String, MachineDisk.Access)]
    where argument.hasSuffix(suffix) && FileTree.status(argument) == nil {
      return try disk(String(argument.dropLast(suffix.count)), access)
    }
    return try disk(argument, .readWrite)
  }

  static func disk(_ path: String, _ access: MachineDisk.Access) throws -> MachineDisk {
    guard let status = FileTree.status(path, followingLink: true) else {
      throw KitError(
        .missing, "\(path): no such disk image",
        advice: "make one: qemu-img create -f qcow2 FILE 1G")
    }
    let isDevice = FileTree.isBlockDevice(path)
    guard isDevice || status.kind == .file else {
      throw KitError(.invalid, "\(path): is no disk image", advice: "give a raw or qcow2 file")
    }
    let isQcow2 = try !isDevice && DiskImage.isQcow2(InputFile(path))
    let disk = MachineDisk(path, format: isQcow2 ? .qcow2 : .raw, access: access)
    try disk.checkIsWhole(
      advice: "make it whole: qemu-img convert -O qcow2 \(path.shellQuoted) FILE")
    return disk
  }
}
