internal import Formats

/// What a kit was made of, how, and what came out: `manifest-VER.json`.
///
/// Nothing in it depends on where or when the kit was built.
public struct Manifest: Codable, Sendable, Hashable {
  /// A package or a folder that the kernel came from.
  public struct Input: Codable, Sendable, Hashable {
    /// The name without its folder.
    public var file: String
    /// `mirror`, `file` or `directory`; `module` for one that was added to the kernel's own.
    public var origin: String
    public var package: String?
    public var version: String?
    public var architecture: String?
    public var sha256: String?
    /// Bytes.
    public var size: Int?
    public var url: String?
    /// What vouches for a package of a mirror.
    public var chain: Chain?

    /// `linux-image-6.1.0-1-amd64 6.1.1-1`
    public var title: String {
      [package ?? file, version].compactMap { $0 }.joined(separator: " ")
    }
  }

  /// From a trusted key to a package.
  public struct Chain: Codable, Sendable, Hashable {
    public var release: TrustedRelease
    /// The index's address and hash.
    public var index: String
    public var indexSHA256: String

    init(_ origin: IndexedPackage.Origin) {
      release = origin.release
      index = origin.index
      indexSHA256 = origin.indexSHA256
    }
  }

  public struct Options: Codable, Sendable, Hashable {
    /// What `--profile` said, or the default; nil when modules.ramfs decided alone.
    public var profile: String?
    /// MiB; nil when it was left to the tree's size.
    public var diskSize: Int?
    public var diskFormat: String
    public var diskCompression: String
    public var initramfsCompression: String
    /// Whether compressed modules stayed so in the RAM disk; nil for no.
    public var modulesAsShipped: Bool?
    /// False when coldplug was not to be added to the template.
    public var coldplug: Bool?
    /// Whether RAM disk and modules disk are as small as can be; nil for no.
    public var best: Bool?
    /// Whether modules lost their debug information; nil for no.
    public var stripDebug: Bool?
  }

  /// A list that says which modules the RAM disk has, whole: `minivm verify` builds with it.
  public struct List: Codable, Sendable, Hashable {
    /// The name without its folder.
    public var file: String
    public var text: String

    init(_ list: ModuleList) {
      (file, text) = (list.name, list.text)
    }
  }

  /// What the user gave beside packages.
  public struct Recipe: Codable, Sendable, Hashable {
    /// `modules.ramfs`; nil when there was none.
    public var modules: List?
    /// `modules.autoload`.
    public var autoload: List
    /// The SHA-256 of the template's content, as a newc archive of time 0.
    public var templateSHA256: String
    /// The libraries that compressed, with their versions: others may write other bytes.
    public var libraries: String

    init(_ lists: ModuleLists, templateSHA256: String) {
      modules = lists.modules.map(List.init)
      autoload = List(lists.autoload)
      self.templateSHA256 = templateSHA256
      libraries = Compression.libraryVersions
    }
  }

  public struct Output: Codable, Sendable, Hashable {
    public var file: String
    /// Bytes.
    public var size: Int
    public var sha256: String
  }

  /// A module that the RAM disk has.
  public struct Module: Codable, Sendable, Hashable {
    /// Below lib/modules/VER.
    public var path: String
    /// Bytes, uncompressed.
    public var size: Int
    /// Why it is there: lines of the lists, modules that need it.
    public var reasons: [String]
  }

  /// A line of a list that no module of this kernel stands for.
  public struct Absence: Codable, Sendable, Hashable {
    public var list: String
    public var line: Int
    public var entry: String
    /// What the line says of itself.
    public var comment: String
    /// Whether the kernel has it without a module; otherwise it has nothing of the kind.
    public var isBuiltIn: Bool

    init(_ absence: ModuleSelection.Absence, isBuiltIn: Bool) {
      list = absence.list
      line = absence.entry.line
      entry = absence.entry.text
      comment = absence.entry.comment
      self.isBuiltIn = isBuiltIn
    }
  }

  /// A machine and a kind of disk that the kit is for.
  public struct Root: Codable, Sendable, Hashable {
    public var machine: String
    public var disk: String
    /// Why root is not found there; nil when it is.
    public var problem: String?
  }

  public var minivm: String
  public var kernel: String
  public var architecture: String
  /// Seconds since 1970, which the outputs carry.
  public var timestamp: Int
  public var inputs: [Input]
  /// Where the RAM disk's programs came from; those that nothing is known of are not among them.
  public var programs: [TemplateProgram]
  public var options: Options
  /// Nil in kits of earlier versions.
  public var recipe: Recipe?
  public var outputs: [Output]
  public var initramfsModules: [Module]
  /// In the lists' order; nil in kits of earlier versions.
  public var initramfsAbsent: [Absence]?
  /// Where root can be found, of the machines that a profile is for; nil where none is for one.
  public var roots: [Root]?
}

extension Manifest.Input {
  /// A package that was given as a file: nobody vouches for it.
  public init(file package: DebArchive) throws {
    let file = package.file
    self.init(
      file: FileTree.name(of: package.path), origin: "file", package: package.control.package,
      version: package.control.version, architecture: package.control.architecture,
      sha256: try Digest.sha256(of: file), size: file.size)
  }

  /// Notes what vouches for a package that was given as a file.
  public mutating func isVerified(by twin: DebianRepository.Download) {
    url = twin.url
    chain = Manifest.Chain(twin.package.origin)
  }

  /// A package of a mirror.
  public init(_ download: DebianRepository.Download) {
    let package = download.package
    self.init(
      file: FileTree.name(of: package.file), origin: "mirror", package: package.name,
      version: package.version.description, architecture: package.architecture,
      sha256: download.sha256, size: package.size, url: download.url,
      chain: Manifest.Chain(package.origin))
  }

  /// A module of the user's own.
  public init(module path: String) throws {
    let file = try InputFile(path)
    self.init(
      file: FileTree.name(of: path), origin: Self.moduleOrigin, sha256: try Digest.sha256(of: file),
      size: file.size)
  }

  static let moduleOrigin = "module"

  /// An unpacked kernel.
  public init(directoryOf release: KernelRelease) {
    self.init(file: "lib/modules/\(release)", origin: "directory")
  }
}
