package import Basics
internal import Formats
internal import Machines
internal import Modules

/// What changed from one kit to another.
package struct KitComparison: Codable, Sendable {
  /// A file of the kits; nil where one has none.
  package struct Output: Codable, Sendable, Hashable {
    /// What it is: `vmlinuz`, `RAM disk`.
    package var part: String
    package var from: Manifest.Output?
    package var to: Manifest.Output?
  }

  /// The releases, the same or not.
  package var kernels: [String]
  /// Packages with their versions, architecture, the time that outputs carry, minivm's version.
  package var origin: [Change] = []
  /// The template's programs.
  package var programs: [Change] = []
  /// What the kits were built with.
  package var options: [Change] = []
  /// The kernel's.
  package var configuration: [Change] = []
  /// Nil where it is the same, or one of the kits has none.
  package var ramDisk: ImageChanges?
  package var modulesDisk: ImageChanges?
  /// Those that differ.
  package var outputs: [Output] = []
  package var isSame: Bool

  /// - Throws: `KitError` or `FormatError` for a kit that can't be read.
  package init(_ from: Kit, _ to: Kit, jobs: Int) throws {
    kernels = [from.release.description, to.release.description]
    isSame = from.release == to.release
    let (old, new) = (try from.manifest(), try to.manifest())
    let listings = try OrderedWork.map([from, to], jobs: min(2, jobs)) {
      try KitListing(folder: $0.folder, release: $0.release, jobs: jobs)
    }
    for part in Kit.Part.allCases {
      let (a, b) = (listings[0].files[part], listings[1].files[part])
      guard a?.sha256 != b?.sha256 else { continue }
      outputs.append(Output(part: part.title, from: a, to: b))
    }
    func changes(_ part: Kit.Part) throws -> ImageChanges? {
      guard listings[0].files[part]?.sha256 != listings[1].files[part]?.sha256 else { return nil }
      let images = try OrderedWork.map(listings, jobs: min(2, jobs)) { try $0.image(part) }
      guard let a = images[0], let b = images[1] else { return nil }
      return ImageChanges(a, b, trees: (listings[0].tree(part), listings[1].tree(part)))
    }
    ramDisk = try changes(.initramfs)
    modulesDisk = try changes(.modulesDisk)
    if let a = try listings[0].configuration(), let b = try listings[1].configuration() {
      configuration = a.changes(to: b)
    }
    origin = [
      Change("packages", old?.packages, new?.packages),
      Change("architecture", from.architecture.rawValue, to.architecture.rawValue),
      Change("time", old.map { "\($0.timestamp)" }, new.map { "\($0.timestamp)" }),
      Change("minivm", old?.minivm, new?.minivm),
      Change("libraries", old?.recipe?.libraries, new?.recipe?.libraries),
    ].compactMap { $0 }
    programs = Self.changes(old?.programNames ?? [:], new?.programNames ?? [:])
    options = Self.changes(old?.optionValues ?? [:], new?.optionValues ?? [:])
    isSame =
      isSame && outputs.isEmpty && origin.isEmpty && programs.isEmpty && options.isEmpty
  }

  private static func changes(_ from: [String: String], _ to: [String: String]) -> [Change] {
    Set(from.keys).union(to.keys).sorted().compactMap { Change($0, from[$0], to[$0]) }
  }
}

extension Manifest {
  fileprivate var packages: String { inputs.map(\.title).joined(separator: ", ") }

  fileprivate var programNames: [String: String] {
    Dictionary(
      programs.map { ($0.path, $0.title) }, uniquingKeysWith: { first, _ in first })
  }

  fileprivate var optionValues: [String: String] {
    let texts: [String: String?] = [
      "modules.ramfs": recipe?.modules.map { Self.digest($0) },
      "modules.autoload": recipe.map { Self.digest($0.autoload) },
      "template": recipe.map { String($0.templateSHA256.prefix(12)) },
    ]
    var values = texts.compactMapValues { $0 }
    for (name, value) in options.named { values[name] = value }
    return values
  }

  private static func digest(_ list: List) -> String {
    "\(list.file) (\(Digest.sha256(of: Array(list.text.utf8)).prefix(12)))"
  }
}
