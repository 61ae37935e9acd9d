import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

@Suite struct ManifestTests {
  @Test(
    "What a manifest says of a build's options is what they were",
    arguments: [
      BuildOptions(),
      .with {
        ($0.diskFormat, $0.diskCompression, $0.diskSize) = (.raw, .none, 300)
        ($0.isSmallest, $0.stripsDebug) = (true, true)
      },
      .with { ($0.initramfsCompression, $0.addsColdplug) = (.xz, false) },
      .with { ($0.keepsModulesAsShipped, $0.kernelFormat) = (true, .vmlinux) },
      .with { $0.lists.profile = nil }, .with { $0.lists.profile = try? ProfileChoice("+gns3") },
    ])
  func options(_ options: BuildOptions) throws {
    #expect(try JSON.decode(BuildOptions.self, from: JSON.encode(options)) == options)
  }

  @Test("What is as by default is left out, but for three that have always stood there")
  func defaults() throws {
    let text = String(decoding: try JSON.encode(BuildOptions()), as: UTF8.self)
    #expect(
      text == """
        {
          "diskCompression" : "zstd",
          "diskFormat" : "qcow2",
          "initramfsCompression" : "auto",
          "profile" : "qemu"
        }

        """)
  }

  @Test(
    "Options that this version has not are noted, and written again as they were",
    arguments: [
      ("diskFormat", "\"vmdk\"", "vmdk"), ("diskCompression", "\"lzo\"", "lzo"),
      ("initramfsCompression", "\"lzo\"", "lzo"), ("kernelFormat", "\"bzImage\"", "bzImage"),
      ("profile", "\"nothing-like-it\"", "nothing-like-it"), ("diskSize", "0", "0"),
    ])
  func unknown(_ name: String, _ value: String, _ text: String) throws {
    let options = try JSON.decode(BuildOptions.self, from: Array("{\"\(name)\": \(value)}".utf8))
    #expect(options.unknown == [name: text])
    let again = try JSON.decode(BuildOptions.self, from: JSON.encode(options))
    #expect(again.unknown == [name: text])
  }
}
