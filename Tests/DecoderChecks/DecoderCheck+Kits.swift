import Formats

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Kits that somebody else may have made, and what this program keeps for itself.
extension DecoderCheck {
  static let kits = [
    DecoderCheck("initramfs") { bytes in
      let content = try withFile(bytes) {
        try RamDiskContent($0, KernelRelease("6.1.0"), keepingModules: true)
      }
      for (path, _) in content.files { try requireInside(path) }
      _ = content.moduleNames
    },
    DecoderCheck("module-texts") { bytes in
      // modules.dep, modules.alias, modules.softdep and modules.weakdep, one after the other.
      let parts = bytes.split(separator: 0xff, maxSplits: 3, omittingEmptySubsequences: false)
        .map(Array.init)
      var texts = ModuleIndex.Texts()
      texts.dependencies = parts[0]
      texts.aliases = parts.dropFirst().first ?? []
      texts.softDependencies = parts.dropFirst(2).first ?? []
      texts.weakDependencies = parts.dropFirst(3).first ?? []
      _ = try ModuleIndex(reading: texts).files()
    },
    DecoderCheck("module-records") { bytes in
      let records = try ModuleRecords(reading: bytes)
      let modules = try CachedModuleStore(records, on: EmptyDisk())
      for module in modules.index().modules.prefix(20) {
        do {
          _ = try modules.contents(of: module.path)
        } catch let broken as BrokenPromise {
          throw broken
        } catch {}
      }
      try require(
        try ModuleRecords(reading: records.bytes()).records.map(\.path)
          == records.records.map(\.path), "what was read is what is written")
    },
    DecoderCheck("manifest") { bytes in _ = try JSON.decode(Manifest.self, from: bytes) },
    DecoderCheck("profiles") { bytes in
      let list = ModuleList(bytes, name: "x", style: .names)
      for entry in list.entries { _ = entry.request(.names) }
      let text = String(decoding: bytes.prefix(200), as: UTF8.self)
      guard let choice = try? ProfileChoice(text) else { return }
      try require(
        try ProfileChoice(choice.description).parts == choice.parts, "a choice can be written")
    },
    DecoderCheck("apk-index") { bytes in
      for package in try ApkIndex.packages(in: TarReader(MemorySource(bytes)), "busybox-static") {
        try require(
          package.name == "busybox-static" && package.size > 0, "it is what was asked for")
        try require(package.checksum.count == 20, "a SHA-1 has 20 bytes")
      }
    },
  ]

  /// A disk of zeros, larger than any.
  private final class EmptyDisk: DiskImageReader {
    let size = Int.max

    func read(at offset: Int, count: Int) throws -> [UInt8] {
      try require(offset >= 0 && offset <= size - count, "what is read lies on the disk")
      return [UInt8](repeating: 0, count: count)
    }
  }
}
