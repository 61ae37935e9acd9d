internal import Basics
package import Formats
internal import Machines
package import Modules

/// Makes a kernel's RAM disk from a template, chosen modules and their indexes.
package struct RamDisk: Sendable {
  /// What it is made of beside a template.
  package struct Kernel {
    /// Seconds since 1970, for everything in the RAM disk.
    package var timestamp: Int
    /// Nil where it is not known.
    package var configuration: KernelConfiguration?
    /// All of its modules. While their index is made, the template may be compressed.
    package var modules: any ModuleStore

    /// Makes the input of an initramfs.
    package init(
      timestamp: Int, configuration: KernelConfiguration?, modules: any ModuleStore
    ) {
      self.timestamp = timestamp
      self.configuration = configuration
      self.modules = modules
    }
  }

  /// What is to say of one that was made.
  package struct Description: Codable, Sendable {
    /// How it is compressed.
    package var compression: Compression
    /// The modules in it, by path.
    package var modules: [Manifest.Module]
    /// Lines of the lists that no module stands for.
    package var absent: [Manifest.Absence]
    /// Where root can be found; nil where no profile is for a machine, and where nobody looked.
    package var roots: [Manifest.Root]?
    /// What was added to the template's own.
    package var programs: [TemplateProgram]
    /// What a user should know of it.
    package var warnings: [String]
  }

  /// What came out.
  package struct Result: Sendable {
    /// Compressed.
    package var bytes: [UInt8]
    /// What is to say of it.
    package var description: Description
    /// All that its modules were chosen from; without symbols where they were not looked at.
    package var index: ModuleIndex
  }

  private static let modulesFolder = "lib/modules"
  private static let autoloadPath = "etc/modules.autoload"

  private let release: KernelRelease
  private let architecture: Architecture?
  private let template: Template
  private let options: BuildOptions

  /// - Parameter architecture: the kernel's, where it is known.
  package init(
    _ release: KernelRelease, architecture: Architecture? = nil, template: Template,
    options: BuildOptions
  ) {
    self.release = release
    self.architecture = architecture
    self.template = template
    self.options = options
  }

  /// - Parameter kernel: what there is to know. While it is found out, the template is read; where it fails, that
  ///   may not have ended.
  package func make(jobs: Int, of kernel: () throws -> Kernel) throws -> Result {
    let content = Background(jobs: jobs) { [template] in
      var content = Initramfs()
      try template.add(to: &content)
      return content
    }
    let kernel = try kernel()
    var compressor = try RamDiskCompressor(
      options.initramfsCompression, isSmallest: options.isSmallest, for: kernel.configuration,
      release)
    var initramfs = try content.value()
    let programs = initramfs.programs
    let lacking = initramfs.lackingPrograms
    var archive = Initramfs.Archive(timestamp: kernel.timestamp)
    try archive.append(initramfs, where: { !Self.isOfKernel($0) })
    compressor.begin(archive.take(), jobs: jobs)
    let hasNoModules = kernel.configuration?.hasNoModules == true
    let chosen = try choose(
      from: kernel.modules.index(), of: kernel.modules, hasNoModules: hasNoModules, jobs: jobs)
    let tree = "\(Self.modulesFolder)/\(release)"
    try initramfs.add(tree, .directory)
    for module in chosen.modules {
      try initramfs.add("\(tree)/\(module.note.path)", .file(module.bytes, isExecutable: false))
    }
    let machine =
      architecture
      ?? chosen.modules.lazy.compactMap { StaticProgram.architecture(ofELF: $0.bytes) }.first
    if let machine { try check(programs, runOn: machine) }
    for (name, bytes) in try indexFiles(of: chosen, jobs: jobs) {
      try initramfs.add("\(tree)/\(name)", .file(bytes, isExecutable: false))
    }
    let autoload = chosen.selection.autoload.map { $0 + "\n" }.joined()
    try initramfs.add(Self.autoloadPath, .file(Array(autoload.utf8), isExecutable: false))
    var added: [TemplateProgram] = []
    var warnings = chosen.warnings
    if !lacking.isEmpty { warnings.append(warning(ofLacking: lacking)) }
    if options.addsColdplug, let architecture = programs.first?.architecture ?? machine {
      try addColdplug(for: architecture, to: &initramfs, &added, &warnings)
    }
    let hasColdplug = initramfs.entries[Coldplug.path] != nil
    warnings += warning(ofCompressed: chosen.modules.map(\.note), kernel.configuration, hasColdplug)
    warnings += warning(ofForeign: chosen)
    try archive.append(initramfs)
    let (bytes, compression) = try compressor.compress(archive.finish(), jobs: jobs)
    let description = Description(
      compression: compression, modules: chosen.modules.map(\.note).sorted { $0.path < $1.path },
      absent: chosen.selection.builtin.map { Manifest.Absence($0, isBuiltIn: true) }
        + chosen.selection.missing.map { Manifest.Absence($0, isBuiltIn: false) },
      programs: added, warnings: warnings)
    return Result(bytes: bytes, description: description, index: chosen.index)
  }

  /// Modules that go into a RAM disk.
  private struct Chosen {
    /// Of all that they were chosen from.
    var index: ModuleIndex
    var selection: ModuleSelection
    /// What is noted of each, with its path in the RAM disk; its bytes there; what it says.
    var modules: [(note: Manifest.Module, bytes: [UInt8], facts: ModuleFacts)] = []
    var warnings: [String] = []
  }

  /// Where a chosen module says more than the index has of it, all modules are read whole, and it begins anew.
  private func choose(
    from index: ModuleIndex, of modules: any ModuleStore, hasNoModules: Bool, jobs: Int
  ) throws -> Chosen {
    let selection = try ModuleSelection(
      from: index, lists: options.lists, hasNoModules: hasNoModules)
    var chosen = Chosen(index: index, selection: selection)
    let isWhole = index.isWhole
    let files = try selection.modules.map {
      (path: $0.path, bytes: try modules.contents(of: $0.path))
    }
    // Whether it takes more than one core to unpack them.
    let isCompressed = files.contains { Compression.detect($0.bytes) != .none }
    let limits = ModuleLimits()
    let read = try OrderedWork.map(files, jobs: isCompressed ? jobs : 1) {
      [keepsModulesAsShipped = options.keepsModulesAsShipped] path, bytes in
      if keepsModulesAsShipped, isWhole { return (bytes, ModuleFacts?.none) }
      let unpacked = try inside(path) {
        try Compression.decompress(bytes, limit: ModuleTree.sizeLimit)
      }
      try limits.countUnpacked(unpacked.count, of: path)
      // The whole RAM disk is compressed, and not every modprobe reads compressed modules.
      return (
        keepsModulesAsShipped ? bytes : unpacked, isWhole ? nil : ModuleFacts(reading: unpacked)
      )
    }
    var debugInformation = DebugInformation()
    var debugSize = 0
    for (module, (bytes, facts)) in zip(selection.modules, read) {
      if let facts {
        guard index.agrees(with: facts, at: module.position) else {
          return try choose(
            from: modules.wholeIndex(), of: modules, hasNoModules: hasNoModules, jobs: jobs)
        }
        try limits.count(facts, of: module.path)
        chosen.warnings += facts.problems.map { "\($0.inside(module.path))" }
      }
      let path =
        options.keepsModulesAsShipped ? module.path : ModuleName.uncompressed(module.path)
      var bytes = bytes
      if ModuleName.uncompressed(path) == path {
        if options.stripsDebug {
          bytes = debugInformation.strip(bytes, path)
        } else {
          debugSize += ModuleStripper.debugSize(of: bytes)
        }
      }
      let note = Manifest.Module(
        path: path, size: bytes.count, reasons: module.reasons.map(\.description))
      chosen.modules.append((note, bytes, facts ?? index.modules[module.position].facts))
    }
    chosen.warnings += debugInformation.warnings + DebugInformation.hint(debugSize)
    return chosen
  }

  /// Whether a path of the RAM disk depends on the kernel: such come last in the archive.
  private static func isOfKernel(_ path: String) -> Bool {
    path == autoloadPath || path == modulesFolder
      || path.utf8.starts(with: "\(modulesFolder)/".utf8)
  }

  private func check(
    _ programs: [(path: String, architecture: Architecture)], runOn machine: Architecture
  ) throws(KitError) {
    for program in programs where !machine.runs(program.architecture) {
      throw KitError(
        .invalid,
        "\(program.path) of the template is for \(program.architecture.rawValue), kernel \(release) for \(machine.rawValue)",
        advice:
          "get the right one: `minivm update-busybox` and `update-e2fsck` with --arch \(machine.rawValue)"
      )
    }
  }

  private func addColdplug(
    for architecture: Architecture, to initramfs: inout Initramfs,
    _ programs: inout [TemplateProgram],
    _ warnings: inout [String]
  ) throws {
    guard initramfs.entries[Coldplug.path] == nil else { return }
    guard let program = Coldplug.program(for: architecture) else {
      warnings.append(
        "this minivm was built without coldplug for \(architecture.rawValue): the initramfs finds its drivers"
          + " with the shell, which takes longer (`make build` builds both)")
      return
    }
    try initramfs.add(Coldplug.path, .file(program, isExecutable: true))
    programs.append(Coldplug.note(program, architecture))
  }

  /// A script that runs what there is not stops, or does half of its work.
  private func warning(ofLacking lines: [String]) -> String {
    let place =
      switch template {
      case .folder(let path): path
      case .ramDisk(let path, _): path
      }
    return
      "\(place): scripts run programs that its busybox lacks (\(lines.joined(separator: "; "))):"
      + " add them, or use a busybox that has them: `minivm update-busybox \(place) --from alpine`"
  }

  /// coldplug leaves the unpacking of modules to the kernel; busybox knows gzip and xz.
  private func warning(
    ofCompressed modules: [Manifest.Module], _ configuration: KernelConfiguration?,
    _ hasColdplug: Bool
  ) -> [String] {
    guard let configuration,
      let module = modules.first(where: {
        (hasColdplug || $0.path.hasSuffix(".zst")) && !configuration.unpacksModule($0.path)
      })
    else { return [] }
    let consequence =
      module.path.hasSuffix(".zst")
      ? "it can't load \(module.path) and similar ones"
      : "the shell loads \(module.path) and similar ones, which takes longer"
    return [
      "kernel \(release) can't unpack modules of this form (CONFIG_MODULE_DECOMPRESS): \(consequence);"
        + " omit --modules-as-shipped"
    ]
  }

  /// Modules of another kernel: with CONFIG_MODVERSIONS it decides by their symbols whether it takes them.
  private func warning(ofForeign chosen: Chosen) -> [String] {
    let foreign = chosen.modules.compactMap { module -> (path: String, release: String)? in
      guard
        let built = module.facts.values(of: "vermagic").first?.split(separator: UInt8(ascii: " "))
          .first,
        !built.elementsEqual(release.description.utf8)
      else { return nil }
      return (module.note.path, String(decoding: built, as: UTF8.self))
    }
    guard let first = foreign.first else { return [] }
    let more = foreign.count > 1 ? " (and \(foreign.count - 1) more)" : ""
    return [
      "\(first.path) is built for kernel \(first.release.quoted), not for \(release), which may refuse it\(more)"
    ]
  }

  /// Only what is in the image stands in the image's indexes; what is built in is in all of them.
  private func indexFiles(of chosen: Chosen, jobs: Int) throws -> [(String, [UInt8])] {
    let lists = chosen.index.lists
    let files = try ModuleIndex(
      chosen.modules.map { ($0.note.path, $0.facts) }, lists: lists
    ).files(jobs: jobs).map { ($0.name, $0.bytes) }
    return files + [lists.builtin.map { ("modules.builtin", $0) }].compactMap { $0 }
  }
}
