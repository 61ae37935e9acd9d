import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

@Suite struct ManifestTests {
  private static func said(
    _ ramDisk: RamDisk.Options = RamDisk.Options(), _ disk: ModulesDisk.Options = .init(jobs: 3)
  ) -> Manifest.Options {
    Manifest.Options(
      KitBuilder.Options(folder: "kit", template: "t", ramDisk: ramDisk, disk: disk),
      initramfsCompression: ramDisk.compression.rawValue)
  }

  @Test("What a manifest says of a build's options is what they were")
  func options() throws {
    for disk in [
      ModulesDisk.Options(jobs: 3),
      ModulesDisk.Options(format: .raw, compression: .none, size: 300, isSmallest: true, jobs: 3),
    ] {
      #expect(Self.said(.init(), disk).disk(jobs: 3) == disk)
    }
    for ramDisk in [
      RamDisk.Options(compression: .zstd), RamDisk.Options(compression: .xz, hasColdplug: false),
      RamDisk.Options(compression: .none, keepsModulesAsShipped: true),
    ] {
      let again = try #require(Self.said(ramDisk).ramDisk(ramDisk.lists))
      #expect(String(reflecting: again) == String(reflecting: ramDisk))
    }
    let plain = Self.said()
    #expect(plain.best == nil && plain.modulesAsShipped == nil && plain.coldplug == nil)
  }

  @Test("Options that this version has not are none")
  func unknown() {
    var said = Self.said()
    said.diskFormat = "vmdk"
    #expect(said.disk(jobs: 1) == nil)
    said = Self.said()
    said.diskCompression = "lzo"
    #expect(said.disk(jobs: 1) == nil)
    said = Self.said()
    said.diskSize = 0
    #expect(said.disk(jobs: 1) == nil)
    said = Self.said()
    said.initramfsCompression = "lzo"
    #expect(said.ramDisk(.defaults) == nil)
  }
}
