internal import Basics
internal import Formats
package import Machines
package import Modules

/// What a user says of a build, beside where things come from and where they go: the options of `build`, `mkinitramfs`
/// and `modules2qcow2`, a part of the cache's keys, and `options` in a manifest.
package struct BuildOptions: Sendable, Hashable {
  /// MiB that may be asked for.
  package static let diskSizes = 1...(1 << 24) - 1

  /// Which modules the initramfs has. Of these, `options` in a manifest has the profile's name only: the lists' texts
  /// stand in `recipe`.
  package var lists = ModuleLists.defaults
  /// How the initramfs is compressed.
  package var initramfsCompression = InitramfsCompression.auto
  /// Modules that are compressed in the package are so in the initramfs, too.
  package var keepsModulesAsShipped = false
  /// Whether coldplug is added to a template that has none.
  package var addsColdplug = true
  /// The format of the modules disk's image.
  package var diskFormat = MachineDisk.Format.qcow2
  /// How the clusters of a qcow2 modules disk are compressed.
  package var diskCompression = DiskCompression.zstd
  /// MiB of the modules disk; nil for 200, or more where the modules need more.
  package var diskSize: Int?
  /// Whether initramfs and modules disk are as small as can be, whatever it takes.
  package var isSmallest = false
  /// Whether modules lose their debug information.
  package var stripsDebug = false
  /// Whether the unpacked kernel is written, too.
  package var kernelFormat = KernelFormat.vmlinuz
  /// Options in a manifest whose values this version does not know, by their keys there.
  package private(set) var unknown: [String: String] = [:]

  /// Makes the options of a build without flags.
  package init() {}

  /// The same with what the kernel's own files depend on, and all else as by default.
  var ofKernel: BuildOptions {
    var options = self
    let others = BuildOptions()
    options.lists = others.lists
    options.initramfsCompression = others.initramfsCompression
    options.keepsModulesAsShipped = others.keepsModulesAsShipped
    options.addsColdplug = others.addsColdplug
    return options
  }
}

extension BuildOptions {
  /// As a manifest has it: of the lists, the profile's name.
  /// - Parameter compression: what the initramfs got.
  func noted(_ compression: Compression) -> BuildOptions {
    var options = self
    options.lists = .defaults
    options.lists.profile = lists.profile
    options.initramfsCompression = InitramfsCompression(rawValue: compression.rawValue) ?? .none
    return options
  }

  /// What is not as by default, and the forms of disk and initramfs, in words.
  var named: [String: String] {
    let values: [String: String?] = [
      "profile": lists.profile?.description, "disk size": diskSize.map { "\($0) MiB" },
      "disk format": diskFormat.rawValue, "disk compression": diskCompression.rawValue,
      "initramfs compression": initramfsCompression.rawValue,
      "kernel format": kernelFormat == .vmlinuz ? nil : kernelFormat.rawValue,
      "modules as shipped": keepsModulesAsShipped ? "true" : nil,
      "best": isSmallest ? "true" : nil, "coldplug": addsColdplug ? nil : "false",
      "debug information": stripsDebug ? "stripped" : nil,
    ]
    return values.compactMapValues { $0 }.merging(unknown) { $1 }
  }
}

/// In JSON, what is as by default is left out, but for the three that have always stood there.
extension BuildOptions: Codable {
  private enum CodingKeys: String, CodingKey, CaseIterable {
    case profile, diskSize, diskFormat, diskCompression, initramfsCompression
    case modulesAsShipped, coldplug, best, stripDebug, kernelFormat
  }

  /// Reads options from a manifest.
  /// - Throws: `DecodingError` for values of another type; values that are not known go to `unknown`.
  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    var unknown: [String: String] = [:]
    func choice<Value: RawRepresentable<String>>(_ key: CodingKeys, _ usual: Value) throws -> Value
    {
      guard let text = try container.decodeIfPresent(String.self, forKey: key) else { return usual }
      if let value = Value(rawValue: text) { return value }
      unknown[key.rawValue] = text
      return usual
    }
    func flag(_ key: CodingKeys) throws -> Bool? {
      try container.decodeIfPresent(Bool.self, forKey: key)
    }
    lists.profile = nil
    if let profile = try container.decodeIfPresent(String.self, forKey: .profile) {
      lists.profile = try? ProfileChoice(profile)
      if lists.profile == nil { unknown[CodingKeys.profile.rawValue] = profile }
    }
    diskFormat = try choice(.diskFormat, .qcow2)
    diskCompression = try choice(.diskCompression, .zstd)
    initramfsCompression = try choice(.initramfsCompression, .auto)
    kernelFormat = try choice(.kernelFormat, .vmlinuz)
    diskSize = try container.decodeIfPresent(Int.self, forKey: .diskSize)
    if let size = diskSize, !Self.diskSizes.contains(size) {
      unknown[CodingKeys.diskSize.rawValue] = "\(size)"
    }
    keepsModulesAsShipped = try flag(.modulesAsShipped) ?? false
    addsColdplug = try flag(.coldplug) ?? true
    isSmallest = try flag(.best) ?? false
    stripsDebug = try flag(.stripDebug) ?? false
    self.unknown = unknown
  }

  /// Writes options as the manifest has them.
  /// - Throws: what the encoder throws.
  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    func text(_ key: CodingKeys, _ value: String) -> String { unknown[key.rawValue] ?? value }
    let profile = unknown[CodingKeys.profile.rawValue] ?? lists.profile?.description
    try container.encodeIfPresent(profile, forKey: .profile)
    try container.encodeIfPresent(diskSize, forKey: .diskSize)
    try container.encode(text(.diskFormat, diskFormat.rawValue), forKey: .diskFormat)
    try container.encode(text(.diskCompression, diskCompression.rawValue), forKey: .diskCompression)
    try container.encode(
      text(.initramfsCompression, initramfsCompression.rawValue), forKey: .initramfsCompression)
    let kernelFormat = text(.kernelFormat, kernelFormat.rawValue)
    if kernelFormat != KernelFormat.vmlinuz.rawValue {
      try container.encode(kernelFormat, forKey: .kernelFormat)
    }
    if keepsModulesAsShipped { try container.encode(true, forKey: .modulesAsShipped) }
    if !addsColdplug { try container.encode(false, forKey: .coldplug) }
    if isSmallest { try container.encode(true, forKey: .best) }
    if stripsDebug { try container.encode(true, forKey: .stripDebug) }
  }
}

/// How the clusters of a qcow2 image are compressed.
package enum DiskCompression: String, Sendable, Hashable, CaseIterable {
  case zstd, zlib, none
}

/// How an initramfs is compressed.
package enum InitramfsCompression: String, Sendable, Hashable, CaseIterable {
  /// The best that the kernel unpacks.
  case auto
  case zstd, gzip, xz, lz4, none
}

/// What the kernel of a kit is.
package enum KernelFormat: String, Sendable, Hashable, CaseIterable {
  /// As the package has it.
  case vmlinuz
  /// Unpacked, beside the package's own: an ELF file on amd64, an Image on arm64 and riscv64.
  case vmlinux
}
