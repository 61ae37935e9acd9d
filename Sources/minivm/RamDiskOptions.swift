import ArgumentParser
import Formats
import Kits
import Modules

/// What the RAM disk is like.
struct RamDiskOptions: ParsableArguments {
  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      """
      Choose modules by machine, as in qemu,+virtiofs,-erofs (default: qemu; `minivm profiles` lists \
      them).
      """, valueName: "names"),
    completion: .list(ModuleProfile.all.map(\.name)))
  var profile: String?

  @Option(
    help: ArgumentHelp(
      """
      Read modules from a file; overrides --profile (default: modules.ramfs here, without --profile).
      """, valueName: "file"), completion: .file())
  var modules: String?

  @Option(
    help: ArgumentHelp(
      "Read modules to load at boot from a file (default: modules.autoload here, or minivm's).",
      valueName: "file"),
    completion: .file())
  var autoload: String?

  @Option(
    name: .customLong("initramfs-compression"),
    help: ArgumentHelp(
      "Compress with zstd, gzip, xz, lz4 or none; auto picks the best one that the kernel supports.",
      valueName: "method"))
  var compression = InitramfsCompression.auto

  @Flag(
    inversion: .prefixedNo,
    help:
      "Add coldplug, which loads drivers faster than the shell; a template's own coldplug is kept.")
  var coldplug = true

  @Flag(
    help: "Keep the package's compressed modules compressed in the initramfs.")
  var modulesAsShipped = false

  /// - Parameter quiet: not to say which of the lists is not used.
  func options(
    quiet: Bool = false, _ effort: EffortOptions, stripsDebug: Bool
  ) throws -> BuildOptions {
    var options = BuildOptions()
    options.lists = try lists(quiet: quiet)
    options.initramfsCompression = compression
    options.addsColdplug = coldplug
    options.keepsModulesAsShipped = modulesAsShipped
    (options.isSmallest, options.stripsDebug) = (effort.best, stripsDebug)
    return options
  }

  /// The lists that were given, those in this folder, or the program's own.
  private func lists(quiet: Bool) throws -> ModuleLists {
    func local(_ name: String) -> String? { FileTree.status(name) == nil ? nil : name }
    var lists = ModuleLists.defaults
    if let profile {
      lists.profile = try ProfileChoice(profile)
      if !quiet, modules == nil, local("modules.ramfs") != nil {
        writeToStandardError(
          "minivm: --profile overrides ./modules.ramfs; add --modules modules.ramfs to use both"
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
