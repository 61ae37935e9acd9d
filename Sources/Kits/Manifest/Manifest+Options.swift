internal import Formats
internal import Machines
internal import Modules

/// A build's options in a manifest, and back: what is as by default is nil there.
extension Manifest.Options {
  /// - Parameter initramfsCompression: what the RAM disk got, where `auto` was asked for.
  init(_ options: KitBuilder.Options, initramfsCompression: String) {
    self.init(
      profile: options.ramDisk.lists.profile?.description, diskSize: options.disk.size,
      diskFormat: options.disk.format.rawValue, diskCompression: options.disk.compression.rawValue,
      initramfsCompression: initramfsCompression,
      modulesAsShipped: options.ramDisk.keepsModulesAsShipped ? true : nil,
      coldplug: options.ramDisk.hasColdplug ? nil : false, best: options.isSmallest ? true : nil,
      stripDebug: options.ramDisk.stripsDebug ? true : nil)
  }

  /// - Returns: nil when this version has not what it says.
  func disk(jobs: Int) -> ModulesDisk.Options? {
    guard let format = MachineDisk.Format(rawValue: diskFormat),
      let compression = ModulesDisk.Options.Compression(rawValue: diskCompression),
      diskSize.map(ModulesDisk.sizes.contains) ?? true
    else { return nil }
    return ModulesDisk.Options(
      format: format, compression: compression, size: diskSize, isSmallest: best ?? false,
      stripsDebug: stripDebug ?? false, jobs: jobs)
  }

  /// - Returns: nil when this version has not what it says.
  func ramDisk(_ lists: ModuleLists) -> RamDisk.Options? {
    InitramfsCompression(rawValue: initramfsCompression).map {
      RamDisk.Options(
        lists: lists, compression: $0, hasColdplug: coldplug ?? true,
        keepsModulesAsShipped: modulesAsShipped ?? false, stripsDebug: stripDebug ?? false)
    }
  }
}
