/// The name of a package that a kernel is made of: `linux-image-6.1.0-18-cloud-amd64`.
///
/// Debian Linux Kernel Handbook, "Packaging", section "Kernel-related Debian packages".
struct KernelPackageName: Hashable {
  /// `linux-image-`, or one of the other parts of the split layout.
  var prefix: String
  /// What `uname -r` says: `6.1.0-18-cloud-amd64`.
  var release: String

  /// Prefers the signed twin of a package if there is one. Debian's unsigned twins are never taken; Ubuntu has
  /// kernels that are only there unsigned.
  var isUnsigned: Bool

  private static let image = "linux-image-"
  private static let unsigned = "linux-image-unsigned-"
  /// Debian's and Ubuntu's; Proxmox' by their names of today and of before.
  private static let images = [unsigned, image, "proxmox-kernel-", "pve-kernel-"]
  private static let prefixes =
    images + ["linux-binary-", "linux-modules-extra-", "linux-modules-", "linux-base-"]
  private static let twins = ["-dbg", "-dbgsym", "-unsigned", "-signed-template"]
  /// Behind the release in the names of Proxmox' signed kernels.
  private static let signed = "-signed"

  /// - Returns: nil for any other package, among them the debugging and unsigned twins.
  init?(_ name: Substring) {
    guard let prefix = Self.prefixes.first(where: name.hasPrefix),
      name.dropFirst(prefix.count).first?.isNumber == true,
      !Self.twins.contains(where: name.hasSuffix)
    else { return nil }
    self.prefix = prefix
    let isOther = ![Self.unsigned, Self.image].contains(prefix)
    let isSigned = isOther && name.hasSuffix(Self.signed)
    release = String(name.dropFirst(prefix.count).dropLast(isSigned ? Self.signed.count : 0))
    isUnsigned = prefix == Self.unsigned || isOther && Self.images.contains(prefix) && !isSigned
  }

  /// Whether it is the one by which a kernel is installed.
  var isImage: Bool { Self.images.contains(prefix) }

  /// Whether a package is one by which a kernel is installed: by its release, or as vendors call theirs,
  /// by a name such as `linux-image-current-bcm2711`.
  static func isImage(_ name: String) -> Bool {
    if let known = KernelPackageName(name[...]) { return known.isImage }
    return name.hasPrefix(image) && !name.hasPrefix(unsigned)
      && !twins.contains(where: name.hasSuffix)
  }

  /// Whether a package's name may be that of one which only needs a kernel, such as `linux-virtual`.
  static func mayBeMeta(_ name: String) -> Bool {
    if let known = KernelPackageName(name[...]) { return known.isImage }
    return ["linux-", "proxmox-", "pve-"].contains(where: name.hasPrefix)
      && !name.contains("-headers") && !twins.contains(where: name.hasSuffix)
  }

  /// What `uname -r` says of the kernel in a package, or where its name does not have that, the rest of
  /// the name.
  static func release(of name: String) -> String {
    KernelPackageName(name[...])?.release
      ?? (name.hasPrefix(image) ? String(name.dropFirst(image.count)) : name)
  }

  /// The packages that stand for the kernel to take when nobody names one, the best first: Debian's for
  /// clouds, Ubuntu's for virtual machines, their general ones.
  static func defaults(_ architecture: String) -> [String] {
    ["cloud-\(architecture)", "virtual", architecture, "generic"].map { image + $0 }
  }

  /// The kinds of kernel that a series stands for, the best first.
  static func kinds(_ architecture: String) -> [String] {
    ["cloud-\(architecture)", "generic", architecture]
  }

  /// Where its kind is among others; behind them where it is none of them.
  func rank(among kinds: [String]) -> Int { kinds.firstIndex(where: isOf) ?? kinds.count }

  /// Whether a word is numbers and dots: the beginning of a version.
  static func isSeries(_ word: String) -> Bool {
    word.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { number in
      !number.isEmpty && number.utf8.allSatisfy { (0x30..<0x3a).contains($0) }
    }
  }

  /// Whether the release or the package's version begins with these numbers: `6.1` is not of `6.12`.
  func isOfSeries(_ series: String, version: DebianVersion) -> Bool {
    let upstream = version.description.split(separator: ":").last ?? ""
    return Self.begins(release, with: series) || Self.begins(upstream, with: series)
  }

  static func begins(_ text: some StringProtocol, with series: String) -> Bool {
    text.hasPrefix(series) && text.dropFirst(series.count).first?.isNumber != true
  }

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
    KernelPackageName(name) != nil || isImage(String(name))
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
    guard areNumbers(name.release[...]) else { return others }
    return ["\(full)-cloud-\(architecture)", "\(full)-generic"] + others
  }
}
