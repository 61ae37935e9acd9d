internal import Basics
internal import Formats
package import Modules
package import Packages

/// What a kit was made of, how, and what came out: `manifest-VER.json`.
///
/// Nothing in it depends on where or when the kit was built.
package struct Manifest: Codable, Sendable, Hashable {
  /// A package or a folder that the kernel came from.
  package struct Input: Codable, Sendable, Hashable {
    /// The name without its folder.
    package var file: String
    /// `mirror`, `file` or `directory`; `module` for one that was added to the kernel's own.
    package var origin: String
    /// The package's name; nil for an input that is no package.
    package var package: String?
    /// The package's version; nil for an input that is no package.
    package var version: String?
    /// The package's architecture; nil for an input that is no package.
    package var architecture: String?
    /// The SHA-256 of the file; nil for a folder.
    package var sha256: String?
    /// Bytes.
    package var size: Int?
    /// The address that it came from; nil for a file or a folder.
    package var url: String?
    /// What vouches for a package of a mirror.
    package var chain: Chain?

    /// `linux-image-6.1.0-1-amd64 6.1.1-1`
    package var title: String {
      [package ?? file, version].compactMap { $0 }.joined(separator: " ")
    }
  }

  /// The chain from a trusted key to the package.
  package typealias Chain = SignatureChain

  /// A list that says which modules the RAM disk has, whole: `minivm verify` builds with it.
  package struct List: Codable, Sendable, Hashable {
    /// The name without its folder.
    package var file: String
    /// The whole list.
    package var text: String

    init(_ list: ModuleList) {
      (file, text) = (list.name, list.text)
    }
  }

  /// What the user gave beside packages.
  package struct Recipe: Codable, Sendable, Hashable {
    /// `modules.ramfs`; nil when there was none.
    package var modules: List?
    /// `modules.autoload`.
    package var autoload: List
    /// The SHA-256 of the template's content, as a newc archive of time 0.
    package var templateSHA256: String
    /// The libraries that compressed, with their versions: others may write other bytes.
    package var libraries: String

    init(_ lists: ModuleLists, templateSHA256: String) {
      modules = lists.modules.map(List.init)
      autoload = List(lists.autoload)
      self.templateSHA256 = templateSHA256
      libraries = Compression.libraryVersions
    }
  }

  /// A file of the kit.
  package struct Output: Codable, Sendable, Hashable {
    /// The file's name.
    package var file: String
    /// Bytes.
    package var size: Int
    /// The SHA-256 of the file.
    package var sha256: String
  }

  /// A module that the RAM disk has.
  package struct Module: Codable, Sendable, Hashable {
    /// Below lib/modules/VER.
    package var path: String
    /// Bytes, uncompressed.
    package var size: Int
    /// Why it is there: lines of the lists, modules that need it.
    package var reasons: [String]
  }

  /// A line of a list that no module of this kernel stands for.
  package struct Absence: Codable, Sendable, Hashable {
    /// The list's name.
    package var list: String
    /// The line, from 1.
    package var line: Int
    /// The line's text, without marks and comment.
    package var entry: String
    /// What the line says of itself.
    package var comment: String
    /// Whether the kernel has it without a module; otherwise it has nothing of the kind.
    package var isBuiltIn: Bool

    init(_ absence: ModuleSelection.Absence, isBuiltIn: Bool) {
      list = absence.list
      line = absence.entry.line
      entry = absence.entry.text
      comment = absence.entry.comment
      self.isBuiltIn = isBuiltIn
    }
  }

  /// A machine and a kind of disk that the kit is for.
  package struct Root: Codable, Sendable, Hashable {
    /// The machine, as `--machine` takes it.
    package var machine: String
    /// How the root disk is attached.
    package var disk: String
    /// Why root is not found there; nil when it is.
    package var problem: String?
  }

  /// The version of the program that made the kit.
  package var minivm: String
  /// The kernel's release.
  package var kernel: String
  /// The kernel's architecture, by Debian's name.
  package var architecture: String
  /// Seconds since 1970, which the outputs carry.
  package var timestamp: Int
  /// The packages, or the folder, and added modules.
  package var inputs: [Input]
  /// Where the RAM disk's programs came from; those that nothing is known of are not among them.
  package var programs: [TemplateProgram]
  /// With the compression that the initramfs got, where `auto` was asked for.
  package var options: BuildOptions
  /// Nil in kits of earlier versions.
  package var recipe: Recipe?
  /// The files of the kit, by name, without the manifest and SHA256SUMS.
  package var outputs: [Output]
  /// The modules in the initramfs, by path, each with its reasons.
  package var initramfsModules: [Module]
  /// In the lists' order; nil in kits of earlier versions.
  package var initramfsAbsent: [Absence]?
  /// Where root can be found, of the machines that a profile is for; nil where none is for one.
  package var roots: [Root]?
}

extension Manifest {
  /// What vouches for the packages and the programs, in their order.
  package var chains: [SignatureChain] {
    inputs.compactMap(\.chain) + programs.compactMap(\.chain)
  }
}

extension Manifest.Input {
  /// A package that was given as a file: nobody vouches for it.
  package init(file package: any PackageArchive) throws {
    let identity = package.identity
    self.init(
      file: FileTree.name(of: package.path), origin: "file", package: identity.name,
      version: identity.version, architecture: identity.architecture,
      sha256: try package.hash(.sha256).text, size: package.size)
  }

  /// Notes what vouches for a package that was given as a file.
  package mutating func isVerified(by twin: some PackageReference) {
    url = twin.url
    chain = twin.chain
  }

  /// A package of a mirror.
  package init(_ download: PackageDownload<some PackageReference>) {
    let package = download.package
    let identity = package.identity
    self.init(
      file: package.fileName, origin: "mirror", package: identity.name,
      version: identity.version, architecture: identity.architecture,
      sha256: download.sha256, size: package.size, url: package.url, chain: package.chain)
  }

  /// A module of the user's own.
  package init(module path: String) throws {
    let file = try InputFile(path)
    self.init(
      file: FileTree.name(of: path), origin: Self.moduleOrigin, sha256: try Digest.sha256(of: file),
      size: file.size)
  }

  static let moduleOrigin = "module"

  /// An unpacked kernel.
  package init(directoryOf release: KernelRelease) {
    self.init(file: "lib/modules/\(release)", origin: "directory")
  }
}
