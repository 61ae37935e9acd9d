import Formats

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

extension DecoderCheck {
  static let modules = [
    DecoderCheck("elf-module") { bytes in
      let facts = ModuleFacts(readingFile: bytes, limit: unpackedLimit)
      let index = try ModuleIndex(
        [("kernel/a.ko", facts), ("kernel/b.ko", ModuleFacts())], lists: .init())
      try require(index.modules.count == 2, "a module that can't be read keeps its place")
      _ = try index.files()
      if Compression.detect(bytes) == .none {
        try require(
          ModuleFacts(readingInformation: bytes).information == facts.information,
          ".modinfo says the same when it is read alone")
      }
      _ = ModuleIndex(
        byName: [("kernel/a.ko", facts)], lists: .init(order: Array("kernel/a.ko\n".utf8)))
    },
    DecoderCheck("module-lists") { bytes in
      // modules.order, modules.builtin and modules.builtin.modinfo, one after the other.
      let parts = bytes.split(separator: 0xff, maxSplits: 2, omittingEmptySubsequences: false)
        .map(Array.init)
      let index = try ModuleIndex(
        [("kernel/fs/ext4/ext4.ko", ModuleFacts()), ("kernel/a.ko", ModuleFacts())],
        lists: .init(
          order: parts.first, builtin: parts.dropFirst().first,
          builtinInformation: parts.dropFirst(2).first))
      _ = try index.files()
    },
    DecoderCheck("modules-ramfs") { bytes in
      let list = ModuleList(bytes, name: "modules.ramfs")
      try require(
        list.entries.allSatisfy { !$0.text.isEmpty && $0.line > 0 }, "an entry has text and a line")
      let index = try ModuleIndex(
        ["fs/ext4/ext4.ko", "drivers/a/b.ko.xz", "drivers/c.ko"].map {
          ("kernel/\($0)", ModuleFacts())
        })
      _ = try ModuleSelection(
        from: index, lists: ModuleLists(modules: list, autoload: ModuleList(bytes, name: "a")))
    },
    DecoderCheck("depmod.d") { bytes in
      var configuration = DepmodConfiguration()
      configuration.read(
        String(decoding: bytes, as: UTF8.self), name: "x", release: try KernelRelease("6.1.0"))
      _ = try ModuleIndex(
        [("updates/a.ko", ModuleFacts()), ("kernel/a.ko", ModuleFacts())],
        configuration: configuration)
    },
    DecoderCheck("glob") { bytes in
      let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { return }
      let (text, candidate) = (Array(parts[0].prefix(200)), Array(parts[1].prefix(400)))
      let pattern = GlobPattern(text)
      if pattern.matches(candidate[...]), pattern.isLiteral {
        try require(text == candidate, "a literal is itself")
      }
      if ModuleAlias.matches(text, candidate), !ModuleAlias.isPattern(text) {
        try require(text == candidate, "a literal is itself")
      }
    },
  ]

  static let kernels = [
    DecoderCheck("kernel-path") { bytes in
      let path = try ArchivePath.normalize(bytes)
      try requireInside(path)
      guard let role = try KernelPath(path) else { return }
      let release = role.release.description
      try require(
        !release.isEmpty && release.utf8.count <= KernelRelease.lengthLimit
          && !release.contains("/") && !release.hasPrefix("."), "a release is one plain name")
    },
    DecoderCheck("kernel-config") { bytes in
      let configuration = KernelConfiguration(reading: bytes)
      _ = configuration.isBuiltIn("RD_ZSTD")
    },
    DecoderCheck("static-program") { bytes in
      if let table = try? AppletTable(bytes) {
        try require(
          table.names.allSatisfy { !$0.isEmpty && !$0.contains("/") && $0 != ".." && $0 != "." },
          "an applet is a name")
      }
      _ = try StaticProgram(bytes)
    },
  ]
}
