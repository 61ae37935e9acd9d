/// The name of a package that a kernel is made of: `linux-image-6.1.0-18-cloud-amd64`.
///
/// Debian Linux Kernel Handbook, "Packaging", section "Kernel-related Debian packages".
struct KernelPackageName: Hashable {
  /// `linux-image-`, or one of the other parts of the split layout.
  var prefix: String
  /// What `uname -r` says: `6.1.0-18-cloud-amd64`.
  var release: String

  private static let image = "linux-image-"
  private static let prefixes = [
    image, "linux-binary-", "linux-modules-extra-", "linux-modules-", "linux-base-",
  ]
  private static let twins = ["-dbg", "-unsigned", "-signed-template"]

  /// - Returns: nil for any other package, among them the debugging and unsigned twins.
  init?(_ name: Substring) {
    guard let prefix = Self.prefixes.first(where: name.hasPrefix),
      name.dropFirst(prefix.count).first?.isNumber == true,
      !Self.twins.contains(where: name.hasSuffix)
    else { return nil }
    self.prefix = prefix
    release = String(name.dropFirst(prefix.count))
  }

  /// Whether it is the one by which a kernel is installed.
  var isImage: Bool { prefix == Self.image }

  /// Whether it is a kernel of a kind such as `cloud-amd64`: a release is numbers, then the kind.
  func isOf(_ flavour: String) -> Bool {
    release.hasSuffix("-\(flavour)") && Self.areNumbers(release.dropLast(flavour.utf8.count + 1))
  }

  /// The kind of kernel: `cloud`, `amd64` of `6.1.0-18-cloud-amd64`.
  private var flavour: [Substring] {
    Array(release.split(separator: "-").drop { $0.first?.isNumber == true })
  }

  /// Of the names of packages that which has the next newer kernel of the same kind, or else the newest.
  func nearest(among names: [String]) -> String? {
    let wanted = DebianVersion(release)
    let others = names.compactMap { KernelPackageName($0[...]) }
      .filter { $0.prefix == prefix && $0.flavour == flavour }
      .map { (name: "\(prefix)\($0.release)", version: DebianVersion($0.release)) }
    let newer = others.filter { $0.version > wanted }.min { $0.version < $1.version }
    return (newer ?? others.max { $0.version < $1.version })?.name
  }

  /// Whether a release, or what is left of it, lacks the kind of kernel: `6.1.0-18`.
  private static func areNumbers(_ release: Substring) -> Bool {
    release.split(separator: "-").allSatisfy { $0.first?.isNumber == true }
  }

  /// Whether a package is, or leads to, a kernel: parts and meta packages.
  static func isOfKernel(_ name: Substring) -> Bool {
    guard name.hasPrefix("linux-") else { return false }
    return KernelPackageName(name) != nil
      || name.hasPrefix(image) && !twins.contains(where: name.hasSuffix)
  }

  /// The flavour that a meta package such as `linux-image-cloud-amd64` stands for.
  static func flavour(ofMeta name: String) -> String? {
    guard name.hasPrefix(image), KernelPackageName(name[...]) == nil else { return nil }
    return String(name.dropFirst(image.count))
  }

  /// The names that a user's word may stand for, the likeliest first.
  /// - Parameter word: a package, or a kernel release with or without its flavour.
  static func candidates(_ word: String, architecture: String) -> [String] {
    let release = word.hasPrefix(image) ? String(word.dropFirst(image.count)) : word
    guard let name = KernelPackageName("\(image)\(release)") else { return [word] }
    let full = "\(image)\(release)"
    // There are other packages whose names begin with a digit.
    let others = word == full ? [full] : [full, word]
    return areNumbers(name.release[...]) ? ["\(full)-cloud-\(architecture)"] + others : others
  }
}
