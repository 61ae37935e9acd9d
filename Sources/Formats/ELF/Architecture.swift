/// A processor architecture, as everybody calls it. The raw value is Debian's name.
package enum Architecture: String, Sendable, Hashable, CaseIterable, Codable {
  case amd64, arm64, riscv64
  case armhf, i386, loong64, mips64el, mipsel, ppc64el, s390x

  /// Those that kits can be made for.
  package static let bootable: [Architecture] = [.amd64, .arm64, .riscv64]

  /// - Returns: nil for a machine that is none of these. System V ABI, "ELF Header", `e_machine`.
  package init?(_ header: ELFHeader) {
    switch (header.machine, header.is64Bit, header.isLittleEndian) {
    case (3, false, true): self = .i386
    case (8, true, true): self = .mips64el
    case (8, false, true): self = .mipsel
    case (21, true, true): self = .ppc64el
    case (22, true, false): self = .s390x
    case (40, false, true): self = .armhf
    case (62, true, true): self = .amd64
    case (183, true, true): self = .arm64
    case (243, true, true): self = .riscv64
    case (258, true, true): self = .loong64
    default: return nil
    }
  }

  /// The architecture that others call so: `aarch64`, `x86_64`, `386`.
  package init?(anyName name: String) {
    guard let found = Self.allCases.first(where: { $0.names.contains(name) }) else { return nil }
    self = found
  }

  private var names: [String] { [rawValue, uname, qemu, oci, alpine ?? rawValue] }

  /// What `uname -m` prints. Linux, scripts/subarch.include and `UTS_MACHINE`.
  package var uname: String {
    switch self {
    case .amd64: "x86_64"
    case .arm64: "aarch64"
    case .riscv64, .s390x: rawValue
    case .armhf: "armv7l"
    case .i386: "i686"
    case .loong64: "loongarch64"
    case .mips64el: "mips64"
    case .mipsel: "mips"
    case .ppc64el: "ppc64le"
    }
  }

  /// What stands behind `qemu-system-`.
  package var qemu: String {
    switch self {
    case .armhf: "arm"
    case .i386, .mips64el, .mipsel: rawValue
    case .ppc64el: "ppc64"
    case .amd64, .arm64, .riscv64, .loong64, .s390x: uname
    }
  }

  /// Go's name, which image indexes have. OCI Image Format Specification, "Image Index", `platform`.
  package var oci: String {
    switch self {
    case .armhf: "arm"
    case .i386: "386"
    case .mips64el: "mips64le"
    case .mipsel: "mipsle"
    case .ppc64el: "ppc64le"
    case .amd64, .arm64, .riscv64, .loong64, .s390x: rawValue
    }
  }

  /// Alpine's name; nil where it has no packages.
  package var alpine: String? {
    switch self {
    case .armhf: "armv7"
    case .i386: "x86"
    case .mips64el, .mipsel: nil
    case .amd64, .arm64, .riscv64, .loong64, .ppc64el, .s390x: uname
    }
  }

  /// Whether its kernels run programs that are for `program`.
  package func runs(_ program: Architecture) -> Bool {
    let older: [Architecture: Architecture] = [.amd64: .i386, .arm64: .armhf]
    return program == self || program == older[self]
  }
}
