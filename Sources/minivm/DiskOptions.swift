import ArgumentParser
import Formats
import Kits
import Machines

/// What the modules disk is like.
struct DiskOptions: ParsableArguments {
  @Option(
    name: .customLong("disk-format"),
    help: ArgumentHelp(
      "Disk image format: qcow2 or raw, a sparse file.", valueName: "format"))
  var format = MachineDisk.Format.qcow2

  @Option(
    name: .customLong("disk-compression"),
    help: ArgumentHelp(
      "Compress with zstd, zlib (for QEMU before 5.1) or none.", valueName: "method"))
  var compression = DiskCompression.zstd

  func applied(
    to options: BuildOptions, size: Int?, _ effort: EffortOptions, stripsDebug: Bool
  ) -> BuildOptions {
    var options = options
    (options.diskFormat, options.diskCompression, options.diskSize) = (format, compression, size)
    (options.isSmallest, options.stripsDebug) = (effort.best, stripsDebug)
    return options
  }

  static func check(size: Int) throws {
    let sizes = BuildOptions.diskSizes
    guard sizes.contains(size) else {
      throw ValidationError(
        "the disk size must be \(sizes.lowerBound) to \(sizes.upperBound) MiB, not \(size)")
    }
  }
}

/// What a smaller file is worth.
struct EffortOptions: ParsableArguments {
  @Flag(help: "Make the files as small as possible; takes many times as long.")
  var best = false
}

extension MachineDisk.Format: ExpressibleByArgument {}
extension DiskCompression: ExpressibleByArgument {}
