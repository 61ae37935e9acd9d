import ArgumentParser
import Basics
import Formats
import Kits
import Logging
import Machines
import Packages

struct RootDiskCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "root",
    abstract: "Make a root disk from a folder, a tar archive or a container image.",
    discussion: """
      Writes the disk and DISK.json, which says what it was made of, and prints the disk's path. Needs no root \
      rights: owners, modes, devices and capabilities are the source's.

      Examples:
        minivm root rootfs.tar.zst
        mmdebstrap trixie - | minivm root - --out trixie.qcow2
        minivm root ./rootfs --owner 0:0 --out root.squashfs
        minivm root docker://registry.example/debian:trixie --free 2048
      """
  )

  @Argument(
    help: ArgumentHelp(
      "Folder, tar archive (- for stdin; gzip, xz, zstd or bzip2), or container image.",
      valueName: "source"))
  var source: String

  @Option(
    help: ArgumentHelp(
      "Disk to write (default: SOURCE.qcow2, .raw or .squashfs, by its format, here).",
      valueName: "file"))
  var out: String?

  @Option(
    name: .customLong("arch"),
    help: ArgumentHelp(
      "Architecture to take of a container image (default: this machine's).", valueName: "name"),
    transform: { name in
      guard let architecture = Architecture(anyName: name) else {
        throw ValidationError(
          "no architecture is called \(name.quoted): one of \(Architecture.allCases.map(\.rawValue).joined(separator: ", "))"
        )
      }
      return architecture
    })
  var architecture: Architecture?

  @OptionGroup(title: "Disk options") var disk: RootDiskOptions
  @OptionGroup(title: "Image options") var images: ImageOptions

  @Flag(help: "Take images from the cache only.")
  var offline = false

  @OptionGroup var work: WorkOptions

  func run() throws {
    let environment = try CommandEnvironment.make()
    defer { environment.reporter.progress.end() }
    let options = try disk.options(out)
    let path = try outputPath(options)
    let source = try RootSource(
      source, architecture: architecture ?? Machine.architecture,
      access: try images.access(environment, offline: offline))
    var builder = RootBuilder(
      source.layers, source: source.description, options: options, jobs: work.jobs,
      latestTime: environment.clock.sourceDateEpoch, now: environment.clock.now()
    ) { stage, bytes in
      environment.reporter.progress.report(stage, bytes, nil)
    }
    let output = try OutputFile(replacing: path)
    var description = try builder.write(to: output)
    description.file = FileTree.name(of: path)
    environment.reporter.progress.end()
    for line in description.warnings { environment.reporter.log.warning("\(line)") }
    let json = try OutputFile(replacing: "\(path).json")
    try json.write(JSON.encode(description), at: 0)
    var files = FileTransaction()
    files.add(output)
    files.add(json)
    try files.commit()
    print(path)
  }

  private func outputPath(_ options: RootOptions) throws -> String {
    if let out { return out }
    guard source != "-" else {
      throw ValidationError("a disk of what comes from stdin needs a name: give --out FILE")
    }
    var name = FileTree.name(of: FileTree.realPath(source) ?? source)
    for suffix in RootDiskOptions.archiveSuffixes where name.hasSuffix(suffix) {
      name = String(name.dropLast(suffix.count))
      break
    }
    name = String(name.map { $0 == ":" || $0 == "/" ? "-" : $0 })
    let suffix =
      options.fileSystem == .squashfs ? "squashfs" : options.diskFormat.rawValue
    return "\(name.isEmpty || name == "." ? "root" : name).\(suffix)"
  }
}

/// What a root disk is like.
struct RootDiskOptions: ParsableArguments {
  static let archiveSuffixes =
    [".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tzst", ".tar.bz2", ".tbz2", ".tar"]

  @Option(
    help: ArgumentHelp(
      "ext4, or squashfs: smaller, read-only (default: by FILE's name, or ext4).",
      valueName: "type"))
  var format: RootOptions.FileSystem?

  @Option(
    name: .customLong("disk-format"),
    help: ArgumentHelp(
      "Disk image format of ext4: qcow2, or raw, a sparse file (default: by FILE's name, or qcow2).",
      valueName: "format"))
  var diskFormat: MachineDisk.Format?

  @Option(help: ArgumentHelp("Size of an ext4 disk in MiB.", valueName: "mib"))
  var size: Int?

  @Option(
    help: ArgumentHelp(
      "Room for more files on an ext4 disk, in MiB (default: 256).", valueName: "mib"))
  var free: Int?

  @Option(help: ArgumentHelp("Label, by which root=LABEL=NAME finds it.", valueName: "name"))
  var label = RootOptions.defaultLabel

  @Option(
    help: ArgumentHelp("Whose all files are (default: as in the source).", valueName: "uid:gid"))
  var owner: String?

  @Option(
    name: .customLong("init"),
    help: ArgumentHelp(
      "keep the root's own, or minivm, or none (default: its own if it has one, else minivm).",
      valueName: "which"))
  var initChoice: RootOptions.Init?

  @Flag(
    name: .customLong("persist"),
    help:
      "Let --init minivm write resolv.conf, hosts and hostname to the disk, not to the guest's RAM."
  )
  var isPersistent = false

  func validate() throws {
    let sizes = BuildOptions.diskSizes
    for value in [size, free].compactMap(\.self) where !sizes.contains(value) {
      throw ValidationError(
        "a disk's size is \(sizes.lowerBound) to \(sizes.upperBound) MiB, not \(value)")
    }
    guard size == nil || free == nil else {
      throw ValidationError("--size and --free can't be used together: give the size, or the room")
    }
    guard label.utf8.count <= RootOptions.labelLimit, !label.utf8.contains(0) else {
      throw ValidationError(
        "the label \(label.quoted) has more than \(RootOptions.labelLimit) bytes")
    }
    _ = try ownerNumbers()
    guard !isPersistent || initChoice == nil || initChoice == .minivm else {
      throw ValidationError("--persist is for --init minivm")
    }
  }

  private func ownerNumbers() throws -> RootOptions.Owner? {
    guard let owner else { return nil }
    let parts = owner.split(separator: ":", omittingEmptySubsequences: false).map { UInt32($0) }
    guard parts.count == 2, let user = parts[0], let group = parts[1] else {
      throw ValidationError("\(owner.quoted) is not UID:GID: give two numbers, such as 0:0")
    }
    return RootOptions.Owner(user: user, group: group)
  }

  /// - Parameter out: the disk's path, whose suffix tells what is not said; nil for none.
  func options(_ out: String?) throws -> RootOptions {
    var options = RootOptions()
    let suffixes: [(String, RootOptions.FileSystem, MachineDisk.Format)] = [
      (".squashfs", .squashfs, .raw), (".sqfs", .squashfs, .raw), (".raw", .ext4, .raw),
      (".img", .ext4, .raw), (".ext4", .ext4, .raw), (".qcow2", .ext4, .qcow2),
    ]
    let known = suffixes.first { suffix in out?.hasSuffix(suffix.0) == true }
    options.fileSystem = format ?? known?.1 ?? .ext4
    options.diskFormat = diskFormat ?? (known?.1 == options.fileSystem ? known?.2 : nil) ?? .qcow2
    if options.fileSystem == .squashfs {
      guard diskFormat != .qcow2, size == nil, free == nil else {
        throw ValidationError(
          "a squashfs is a raw file as large as its content: leave --disk-format, --size and --free out"
        )
      }
      options.diskFormat = .raw
    }
    (options.size, options.label, options.initChoice) = (size, label, initChoice)
    if let free { options.free = free }
    options.owner = try ownerNumbers()
    options.isPersistent = isPersistent
    return options
  }
}

extension RootOptions.FileSystem: ExpressibleByArgument {}
extension RootOptions.Init: ExpressibleByArgument {}
