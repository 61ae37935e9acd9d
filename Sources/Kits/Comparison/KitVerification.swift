internal import Basics
internal import Formats
internal import Modules

/// How a kit and what was built again from its manifest differ.
package struct KitVerification: Codable, Sendable {
  package struct Difference: Codable, Sendable, Hashable {
    /// A file of the kit.
    package var file: String
    /// Where in that image; nil for the file as a whole.
    package var path: String?
    /// What the kit has, and what was built.
    package var text: String

    /// One line.
    package var description: String {
      [file, path, text].compactMap { $0 }.joined(separator: ": ")
    }
  }

  package var kernel: String
  /// What the kernel came from: names and versions.
  package var inputs: [String]
  /// The version that the kit was made by.
  package var minivm: String
  /// As the kit has them; those that are missing are not among them.
  package var outputs: [Manifest.Output]
  /// In the order of the files' names, and of the paths in them.
  package var differences: [Difference]
  package var isSame: Bool
  /// Whether each kernel package is in a signed list of the archive. Otherwise a chain that the
  /// manifest has is its word alone.
  package var isSigned: Bool

  init(
    _ manifest: Manifest, _ kit: KitListing, _ rebuilt: KitListing, built: Manifest, isSigned: Bool
  ) throws {
    self.isSigned = isSigned
    kernel = manifest.kernel
    inputs = manifest.inputs.map(\.title)
    minivm = manifest.minivm
    outputs = kit.files.values.sorted { $0.file < $1.file }
    differences = []
    isSame = false
    for part in Kit.Part.allCases {
      let (ours, theirs) = (kit.files[part], rebuilt.files[part])
      guard let name = (ours ?? theirs)?.file, ours?.sha256 != theirs?.sha256 else { continue }
      guard let ours, let theirs else {
        let text =
          ours == nil ? "is missing in the kit" : "is not made by the rebuild"
        differences.append(Difference(file: name, text: text))
        continue
      }
      do {
        try compare(part, kit, rebuilt)
      } catch let error as FormatError where error.kind == .io {
        throw error  // a disk that fails is no property of the kit
      } catch {
        differences.append(Difference(file: name, text: "can't be read: \(error)"))
      }
      if !differences.contains(where: { $0.file == name }) {
        differences.append(
          Difference(
            file: name,
            text: part.isImage
              ? try Self.storage(part, kit, rebuilt) + Self.libraries(manifest, built)
              : "\(ours.size) bytes with SHA-256 \(ours.sha256); rebuilt, \(theirs.size) with \(theirs.sha256)"
          ))
      }
    }
    compare(manifest, built, kit)
    try compareChecksums(of: kit)
    isSame = differences.isEmpty
  }

  private mutating func compare(
    _ part: Kit.Part, _ kit: KitListing, _ rebuilt: KitListing
  ) throws {
    let name = kit.files[part]?.file ?? part.rawValue
    if part == .configuration, let ours = try kit.configuration(),
      let theirs = try rebuilt.configuration()
    {
      for change in ours.changes(to: theirs) {
        differences.append(
          Difference(
            file: name, path: change.name,
            text: "\(change.from ?? "not set"); rebuilt, \(change.to ?? "not set")"))
      }
    }
    guard let ours = try kit.image(part), let theirs = try rebuilt.image(part) else { return }
    for difference in ours.entries.differences(to: theirs.entries) {
      differences.append(
        Difference(file: name, path: difference.path, text: Self.text(of: difference)))
    }
    for key in Set(ours.properties.keys).union(theirs.properties.keys).sorted() {
      let (a, b) = (ours.properties[key] ?? "none", theirs.properties[key] ?? "none")
      if a != b {
        differences.append(Difference(file: name, text: "its \(key) is \(a); rebuilt, \(b)"))
      }
    }
  }

  private static func text(of difference: ImageChanges.FileDifference) -> String {
    guard let ours = difference.from else { return "is missing; the rebuilt kit has it" }
    guard let theirs = difference.to else { return "is there; the rebuilt kit does not have it" }
    return difference.aspects.map { aspect in
      "\(aspect) \(ours.text(of: aspect)); rebuilt, \(theirs.text(of: aspect))"
    }.joined(separator: "; ")
  }

  /// How two images of the same content differ.
  private static func storage(
    _ part: Kit.Part, _ kit: KitListing, _ rebuilt: KitListing
  ) throws -> String {
    guard part == .initramfs, let ours = try kit.image(part), let theirs = try rebuilt.image(part),
      ours.order != theirs.order
    else { return "has the same content, stored differently" }
    return
      "has the same content, stored differently: its entries are in another order, or repeated"
  }

  private static func libraries(_ manifest: Manifest, _ built: Manifest) -> String {
    let (ours, theirs) = (manifest.recipe?.libraries ?? "", built.recipe?.libraries ?? "")
    return ours == theirs ? "" : ": by the libraries \(ours); rebuilt, by \(theirs)"
  }

  /// What the manifest says beside hashes: which packages and programs these are, why a module is
  /// there, where root is found.
  private mutating func compare(_ manifest: Manifest, _ built: Manifest, _ kit: KitListing) {
    let name = Kit.manifestName(kit.release)
    for output in manifest.outputs {
      let found = kit.files.values.first { $0.file == output.file }
      if let found, found != output {
        differences.append(
          Difference(
            file: name, path: output.file,
            text:
              "says \(output.size) bytes with SHA-256 \(output.sha256), which the kit's does not match"
          )
        )
      }
    }
    let fields: [(String, Bool)] = [
      ("inputs", manifest.inputs == built.inputs),
      ("programs", manifest.programs.map(\.content) == built.programs.map(\.content)),
      ("architecture", manifest.architecture == built.architecture),
      ("options", manifest.options == built.options),
      ("outputs", manifest.outputs.map(\.file) == built.outputs.map(\.file)),
      ("initramfsModules", manifest.initramfsModules == built.initramfsModules),
      ("initramfsAbsent", manifest.initramfsAbsent == built.initramfsAbsent),
      ("roots", manifest.roots == built.roots),
    ]
    for (field, isSame) in fields where !isSame {
      differences.append(
        Difference(file: name, path: field, text: "differs from the rebuilt one"))
    }
  }

  private mutating func compareChecksums(of kit: KitListing) throws {
    let path = "\(kit.folder)/\(Checksums.fileName)"
    guard FileTree.status(path, followingLink: true) != nil else { return }
    let checksums = try Checksums(reading: path)
    let name = Kit.manifestName(kit.release)
    let file = try InputFile("\(kit.folder)/\(name)")
    let manifest = Manifest.Output(
      file: name, size: file.size, sha256: try Digest.sha256(of: file))
    for file in outputs + [manifest] where !checksums.contains(file) {
      differences.append(
        Difference(file: Checksums.fileName, path: file.file, text: "does not match its SHA-256"))
    }
  }
}

extension TemplateProgram {
  /// What the program and its package say of themselves, without where they came from and who vouched
  /// for them then.
  fileprivate var content: Self {
    var copy = self
    (copy.origin, copy.packageSize, copy.signedBy, copy.chain) = ("", nil, nil, nil)
    return copy
  }
}
