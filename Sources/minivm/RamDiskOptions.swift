public import ArgumentParser
import Formats
public import KernelKit

/// What the RAM disk is like.
struct RamDiskOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Which modules it has, by the machine: qemu by default; see `minivm profiles`. Put together as in \
      qemu,+virtiofs,-erofs.
      """, valueName: "names"))
  var profile: String?

  @Option(
    help: ArgumentHelp(
      """
      Which modules it has, file by file; modules.ramfs here, where no profile is given. Beside \
      --profile it has the last word.
      """, valueName: "file"), completion: .file())
  var modules: String?

  @Option(
    help: ArgumentHelp(
      "Names of modules that no device announces; modules.autoload here, or minivm's own.",
      valueName: "file"),
    completion: .file())
  var autoload: String?

  @Option(
    name: .customLong("initramfs-compression"),
    help: ArgumentHelp(
      "auto, zstd, gzip, xz, lz4 or none; auto takes the best that the kernel knows.",
      valueName: "method"))
  var compression = InitramfsCompression.auto

  @Flag(
    inversion: .prefixedNo,
    help: "Add coldplug, which finds drivers faster than the shell; a template's own one stays.")
  var coldplug = true

  @Flag(
    help: """
      Keep modules that the package has compressed so in the RAM disk, too; they are unpacked there \
      by default.
      """)
  var modulesAsShipped = false

  /// - Parameter quiet: not to say which of the lists is not used.
  func options(quiet: Bool = false) throws -> RamDisk.Options {
    RamDisk.Options(
      lists: try lists(quiet: quiet), compression: compression, hasColdplug: coldplug,
      keepsModulesAsShipped: modulesAsShipped)
  }

  /// The lists that were given, those in this folder, or the program's own.
  private func lists(quiet: Bool) throws -> ModuleLists {
    func local(_ name: String) -> String? { FileTree.status(name) == nil ? nil : name }
    var lists = ModuleLists.defaults
    if let profile {
      lists.profile = try ProfileChoice(profile)
      if !quiet, modules == nil, local("modules.ramfs") != nil {
        writeToStandardError(
          "minivm: modules.ramfs here is not used, --profile is; with --modules modules.ramfs both are"
        )
      }
    }
    if let path = modules ?? (profile == nil ? local("modules.ramfs") : nil) {
      lists.modules = try ModuleList(reading: path)
      if profile == nil { lists.profile = nil }
    }
    if let path = autoload ?? local("modules.autoload") {
      lists.autoload = try ModuleList(reading: path)
    }
    return lists
  }
}

extension InitramfsCompression: ExpressibleByArgument {}
