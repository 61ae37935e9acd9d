package import Basics
internal import Formats
internal import Logging
package import Modules
package import Packages

/// The kernel that a user named, found.
package struct KernelChoice {
  /// Where the kernel's files are.
  package private(set) var source: KernelSource
  /// For the manifest.
  package private(set) var inputs: [Manifest.Input]
  /// Debian's name.
  package private(set) var architecture: String

  /// Where names are looked up, and for which architecture, by Debian's name of it.
  package struct Archive<Packages: KernelRepository> {
    /// What the user asked for; nil for nothing.
    package var wanted: String?
    /// Debian's name of the architecture to look for.
    package var architecture: String
    /// Asked when there is something to look up.
    package var repository: () throws -> Packages

    package init(
      wanted: String?, architecture: String, repository: @escaping () throws -> Packages
    ) {
      (self.wanted, self.architecture, self.repository) = (wanted, architecture, repository)
    }
  }

  /// - Parameters:
  ///   - words: names, files or a folder, as `build` takes them.
  ///   - release: the one to take of a folder with several.
  ///   - isVerified: whether the mirror's keys have to vouch for files, too.
  /// - Throws: `KitError.usage` for words that do not go together, `.missing` for what is not there, `.invalid` for
  ///   files that are no packages; as `KernelRepository`.
  package init(
    _ words: [String], release: KernelRelease? = nil, in archive: Archive<some KernelRepository>,
    isVerified: Bool, _ reporter: Reporter
  ) async throws {
    if words.count == 1, FileTree.isDirectory(words[0]) {
      guard !isVerified else {
        throw KitError(
          .usage, "\(words[0]): a folder has no signature", advice: "give the .deb files")
      }
      try self.init(folder: words[0], release, archive, reporter)
      return
    }
    guard release == nil else {
      throw KitError(
        .usage, "--kernel chooses among the kernels of a folder",
        advice: "name the kernel as the source, such as linux-image-\(release?.description ?? "")")
    }
    let architecture = archive.architecture
    var packages: [any PackageArchive] = []
    var inputs: [Manifest.Input] = []
    if words.isEmpty {
      for download in try await archive.repository().kernelPackages(
        nil, architecture: architecture)
      {
        packages.append(download.archive)
        inputs.append(Manifest.Input(download))
      }
    }
    for word in words {
      guard !FileTree.isDirectory(word) else {
        throw KitError(
          .usage, "\(word): is a folder, beside other sources",
          advice: "give one folder, or .deb files")
      }
      if Self.isFile(word) {
        try Self.checkIsNoKernel(word)
        let package = try PackageFormat.open(word)
        packages.append(package)
        try Self.check(package.path, of: package.identity.architecture, isFor: archive.wanted)
        var input = try Manifest.Input(file: package)
        if isVerified {
          let twin = try await archive.repository()
            .twin(of: package, architecture: architecture)
          input.isVerified(by: twin)
        }
        inputs.append(input)
      } else if word.contains("/") {
        throw KitError(
          .missing, "\(word): no such file or folder",
          advice: "give a package's name, a .deb, or a folder with lib/modules/VER")
      } else {
        let choice = try PackageChoice(word)
        for download in try await archive.repository().kernelPackages(
          choice.name, version: choice.version, architecture: architecture)
        {
          packages.append(download.archive)
          inputs.append(Manifest.Input(download))
        }
      }
    }
    self.init(
      source: .packages(packages), inputs: inputs,
      architecture: packages.map(\.identity.architecture).first { $0 != "all" } ?? architecture)
  }

  private static func isFile(_ word: String) -> Bool {
    PackageFormat.isFileName(word) || FileTree.status(word) != nil
  }

  /// - Parameter wanted: what `--arch` says, if anything.
  private static func check(_ path: String, of own: String, isFor wanted: String?) throws {
    guard let wanted, own != "all", own != wanted else { return }
    throw KitError(.usage, "\(path): is for \(own), not for \(wanted)", advice: "omit --arch")
  }

  /// A kernel alone has no modules and no name.
  private static func checkIsNoKernel(_ path: String) throws {
    let file = try InputFile(path)
    let start = try file.read(at: 0, count: 4)
    let isELF = start == [0x7f] + Array("ELF".utf8)
    guard isELF || (try? KernelImage(size: file.size, read: file.read)) != nil else { return }
    throw KitError(
      .invalid, "\(path): is a kernel image\(isELF ? " (ELF)" : ""), without its modules",
      advice: "put it into a folder as vmlinuz-VER beside lib/modules/VER, and give that folder")
  }

  private init(
    folder: String, _ wanted: KernelRelease?, _ archive: Archive<some KernelRepository>,
    _ reporter: Reporter
  ) throws {
    let leftovers = try KernelFolder.leftovers(in: folder)
    var all =
      try ModuleTree.releases(in: folder) + KernelFolder.releasesWithoutModules(in: folder)
    if wanted == nil {
      all.removeAll { leftovers[$0] != nil }
      if all.isEmpty, let failure = KernelFolder.failure(ofLeftovers: leftovers, in: folder) {
        throw failure
      }
      for (release, text) in leftovers.sorted(by: { $0.key.description < $1.key.description }) {
        reporter.log.warning(
          "\(folder): lib/modules/\(release) has \(text), left by an earlier kernel; ignored, and safe to remove"
        )
      }
    }
    let releases = all.filter { wanted == nil || $0 == wanted }
    if let wanted, releases.isEmpty, !all.isEmpty {
      throw KitError(
        .missing, "\(folder): has no kernel \(wanted)",
        advice: "there is \(all.map(\.description).joined(separator: ", "))")
    }
    guard let release = releases.first else {
      throw KitError(
        .missing, "\(folder): has no lib/modules/VER",
        advice: "make it with `minivm unpack linux-image-*.deb`")
    }
    guard releases.count == 1 else {
      throw KitError(
        severalKernels: releases.map(\.description), in: folder,
        advice: "choose one with --kernel")
    }
    let own = try KernelFolder.architecture(of: release, in: folder)?.rawValue
    if let own { try Self.check(folder, of: own, isFor: archive.wanted) }
    self.init(
      source: .directory(folder, release), inputs: [Manifest.Input(directoryOf: release)],
      architecture: own ?? archive.architecture)
  }

  private init(source: KernelSource, inputs: [Manifest.Input], architecture: String) {
    self.source = source
    self.inputs = inputs
    self.architecture = architecture
  }
}
