import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Which packages a name leads to.
@Suite struct KernelChoosingTests {
  /// Name, version, what it needs.
  private static let packages = [
    ("linux-image-cloud-amd64", "6.1.20-1", "linux-image-6.1.0-20-cloud-amd64 (= 6.1.20-1)"),
    // A name with a series is a meta package, too.
    ("linux-image-6.12-cloud-amd64", "6.12.2-1", "linux-image-6.12.2+deb12-cloud-amd64"),
    (
      "linux-image-6.1.0-18-cloud-amd64", "6.1.18-1", "kmod, initramfs-tools | linux-initramfs-tool"
    ),
    ("linux-image-6.1.0-18-amd64", "6.1.18-1", ""),
    ("linux-image-6.1.0-9-cloud-amd64", "6.1.9-1", ""),
    ("linux-image-6.1.0-20-cloud-amd64", "6.1.20-1", ""),
    ("linux-image-6.1.0-20-cloud-amd64-dbg", "6.1.20-1", ""),
    ("linux-image-6.1.0-20-cloud-amd64-unsigned", "6.1.20-1", ""),
    ("linux-image-amd64-signed-template", "6.1.20-1", ""),
    (
      "linux-image-6.12.2+deb12-cloud-amd64", "6.12.2-1",
      "linux-binary-6.12.2+deb12-cloud-amd64 (= 6.12.2-1), linux-modules-6.12.2+deb12-cloud-amd64 (= 6.12.2-1)"
    ),
    (
      "linux-modules-6.12.2+deb12-cloud-amd64", "6.12.2-1",
      "linux-base-6.12.2+deb12-cloud-amd64 (= 6.12.2-1)"
    ),
    ("linux-binary-6.12.2+deb12-cloud-amd64", "6.12.2-1", ""),
    ("linux-base-6.12.2+deb12-cloud-amd64", "6.12.2-1", ""),
    ("linux-image-6.12.3-cloud-amd64", "6.12.3-1", "linux-binary-6.12.3-cloud-amd64"),
    // Ubuntu's, by which modules come in two packages.
    (
      "linux-image-generic", "5.15.100.1",
      "linux-image-5.15.0-100-generic, linux-modules-extra-5.15.0-100-generic, linux-firmware"
    ),
    (
      "linux-image-5.15.0-100-generic", "5.15.100-1",
      "kmod, linux-base, linux-modules-5.15.0-100-generic"
    ),
    ("linux-modules-5.15.0-100-generic", "5.15.100-1", ""),
    (
      "linux-modules-extra-5.15.0-100-generic", "5.15.100-1",
      "linux-image-5.15.0-100-generic | linux-image-unsigned-5.15.0-100-generic"
    ),
    ("busybox-static", "1:1.35.0-4+b3", ""),
    // Two that nobody signs, one of which has a signed twin; and a meta package of a meta package.
    ("linux-image-unsigned-5.15.0-100-generic", "5.15.100-1", "linux-modules-5.15.0-100-generic"),
    ("linux-image-unsigned-6.5.0-7-lowlatency", "6.5.7-1", ""),
    ("linux-virtual", "5.15.100.1", "linux-image-virtual (= 5.15.100.1), linux-headers-generic"),
    ("linux-image-virtual", "5.15.100.1", "linux-image-5.15.0-100-generic"),
    ("linux-headers-6.1.0-20-cloud-amd64", "6.1.20-1", "linux-image-6.1.0-20-cloud-amd64"),
    // Vendors', whose names have no release, or another beginning.
    ("linux-image-current-bcm2711", "24.5.1", ""),
    ("linux-image-current-bcm2711-dbg", "24.5.1", ""),
    ("linux-image-raspi", "5.15.100.1", "linux-image-5.15.0-100-generic"),
    ("proxmox-default-kernel", "1.1.0", "proxmox-kernel-6.8"),
    (
      "proxmox-kernel-6.8", "6.8.12-4",
      "proxmox-kernel-6.8.12-4-pve-signed | proxmox-kernel-6.8.12-4-pve"
    ),
    ("proxmox-kernel-6.8.12-4-pve-signed", "6.8.12-4", ""),
    ("proxmox-kernel-6.8.12-4-pve", "6.8.12-4", ""),
  ]

  private let signed: SignedRepository
  private let cache: TemporaryFolder

  init() async throws {
    signed = try await SignedRepository()
    cache = try TemporaryFolder()
    var script = "mkdir pool/all; : >dists/test/main/binary-amd64/Packages\n"
    for (number, (name, version, depends)) in Self.packages.enumerated() {
      let fields = """
        Package: \(name)\\nVersion: \(version)\\nArchitecture: amd64\\nMaintainer: x <x@x>\\n\
        \(depends.isEmpty ? "" : "Depends: \(depends)\\n")Description: x\\n
        """
      script += """
        mkdir -p tree/DEBIAN; printf '\(fields)' >tree/DEBIAN/control
        dpkg-deb --root-owner-group -Znone -b tree pool/all/\(number).deb >/dev/null
        { cat tree/DEBIAN/control; echo "Filename: pool/all/\(number).deb"
          echo "Size: $(stat -c %s pool/all/\(number).deb)"
          echo "SHA256: $(sha256sum <pool/all/\(number).deb | cut -d' ' -f1)"; echo
        } >>dists/test/main/binary-amd64/Packages

        """
    }
    script += "xz -kf dists/test/main/binary-amd64/Packages"
    try await Tool.shell(script, in: signed.root)
    try await signed.writeRelease(.init(date: signed.now - 3600))
    try await signed.sign()
  }

  private var repository: DebianRepository { signed.repository(cache: cache.path) }

  private func names(_ name: String, _ version: String? = nil) async throws -> [String] {
    try await repository.kernelPackages(name, version: version, architecture: "amd64")
      .map(\.package.name)
  }

  private func failure(_ name: String, _ version: String? = nil) async throws -> KitError? {
    await #expect(throws: KitError.self) { _ = try await names(name, version) }
  }

  @Test("Meta packages, releases with and without their flavour, versions of what they stand for")
  func choosing() async throws {
    let newest = ["linux-image-6.1.0-20-cloud-amd64"]
    #expect(try await names("linux-image-cloud-amd64") == newest)
    #expect(try await names("linux-image-cloud-amd64", "6.1.20-1") == newest)
    #expect(try await names("6.1.0-20-cloud-amd64") == newest)
    let old = ["linux-image-6.1.0-18-cloud-amd64"]
    #expect(try await names("6.1.0-18") == old)
    #expect(try await names("linux-image-6.1.0-18") == old)
    #expect(try await names("linux-image-6.1.0-18-cloud-amd64", "6.1.18-1") == old)
    // The meta package has moved on.
    #expect(try await names("linux-image-cloud-amd64", "6.1.18-1") == old)
    #expect(
      try await names("linux-image-cloud-amd64", "6.1.9-1") == ["linux-image-6.1.0-9-cloud-amd64"])
    let split = ["image", "binary", "modules", "base"].map {
      "linux-\($0)-6.12.2+deb12-cloud-amd64"
    }
    #expect(try await names("linux-image-6.12-cloud-amd64") == split)
    #expect(try await names("6.12.2+deb12-cloud-amd64") == split)
    #expect(try await names("linux-image-cloud-amd64", "6.12.2-1") == split)
    #expect(
      try await names("linux-image-generic")
        == ["image", "modules", "modules-extra"].map {
          "linux-\($0)-5.15.0-100-generic"
        })
    #expect(try await names("busybox-static") == ["busybox-static"])
  }

  @Test(
    "What an earlier kernel has left is passed over with a word, by build and by those that boot a folder"
  )
  func leftovers() async throws {
    let bench = try CommandBench()
    #expect(try await bench.run(["unpack", "p.deb", "-o", "f"]).status == 0)
    try await Tool.shell(
      """
      mkdir -p f/lib/modules/5.0-old/updates/dkms f/lib/modules/5.1-empty f/lib/modules/5.2-headers only/lib/modules
      cp f/lib/modules/*/kernel/fs/x.ko f/lib/modules/5.0-old/updates/dkms
      touch f/lib/modules/5.0-old/modules.dep; ln -s /usr/src/linux f/lib/modules/5.2-headers/build
      cp -r f/lib/modules/5.0-old only/lib/modules
      """, in: bench.folder.path)
    let built = try await bench.run(["build", "f", "--template", "t", "--out", "kit"])
    #expect(built.status == 0, "\(built)")
    for line in [
      "f: lib/modules/5.0-old has only updates, left by an earlier kernel",
      "lib/modules/5.1-empty has no modules",
      "lib/modules/5.2-headers has only build",
    ] {
      #expect(
        built.errors.contains("minivm: warning: ") && built.errors.contains(line), "\(built.errors)"
      )
    }
    #expect(try KernelFolder(bench.folder("f")).release.description == CommandBench.release)
    try await bench.expectFailure(
      ["build", "only", "--template", "t", "--out", "kit"], 3,
      "only: lib/modules/5.0-old has only updates, left by an earlier kernel, and no kernel",
      "minivm unpack")
    #expect(throws: KitError.self) { try KernelFolder(bench.folder("only")) }
    // One that is asked for, or that has a kernel, is none.
    try await bench.expectFailure(
      ["build", "f", "--kernel", "5.0-old", "--template", "t", "--out", "kit"], 1, "no vmlinuz")
    try await Tool.shell("cp f/vmlinuz-* f/vmlinuz-5.0-old", in: bench.folder.path)
    try await bench.expectFailure(
      ["build", "f", "--template", "t", "--out", "kit"], 2, "more than one kernel: 5.0-old, ")
  }

  @Test("The first numbers of a version name the newest cloud kernel that begins so")
  func series() async throws {
    let newest = ["linux-image-6.1.0-20-cloud-amd64"]
    for name in ["6.1", "6.1.0", "6.1.20"] { #expect(try await names(name) == newest, "\(name)") }
    #expect(try await names("6.1.18") == ["linux-image-6.1.0-18-cloud-amd64"])
    #expect(try await names("6.1", "6.1.9-1") == ["linux-image-6.1.0-9-cloud-amd64"])
    // The newest of the series lacks a part.
    for name in ["6.12", "6.12.2"] {
      #expect(try await names(name).first == "linux-image-6.12.2+deb12-cloud-amd64", "\(name)")
    }
    // No cloud kernel of that series.
    #expect(try await names("5.15").first == "linux-image-5.15.0-100-generic")
    #expect(try await names("6.8") == ["proxmox-kernel-6.8.12-4-pve-signed"])
    #expect(try await names("5.15.0-100").first == "linux-image-5.15.0-100-generic")
    let error = try await failure("6.13")
    #expect(error?.code == .missing && error?.message.contains("no kernel 6.13 for") == true)
    #expect(
      error?.advice?.hasPrefix("there is linux-image-6.1.0-20-cloud-amd64;") == true, "\(error!)")
    #expect(try await failure("6.1.2")?.code == .missing)
  }

  @Test("Packages that only need a kernel, through several of them, unsigned ones, and vendors'")
  func vendors() async throws {
    let generic = ["linux-image-5.15.0-100-generic", "linux-modules-5.15.0-100-generic"]
    for name in ["linux-virtual", "linux-image-virtual", "linux-image-raspi"] {
      #expect(try await names(name) == generic, "\(name)")
    }
    #expect(
      try await names("linux-image-unsigned-5.15.0-100-generic") == [
        "linux-image-unsigned-5.15.0-100-generic", "linux-modules-5.15.0-100-generic",
      ])
    #expect(
      try await names("proxmox-default-kernel") == ["proxmox-kernel-6.8.12-4-pve-signed"])
    #expect(try await names("linux-image-current-bcm2711") == ["linux-image-current-bcm2711"])
    #expect(
      try await names("linux-headers-6.1.0-20-cloud-amd64").first
        == "linux-headers-6.1.0-20-cloud-amd64")
  }

  @Test("What is not there: exit code 3, the nearest that is, and where old ones are")
  func missing() async throws {
    let typo = try await failure("linux-image-claud-amd64")
    #expect(typo?.code == .missing)
    #expect(typo?.advice == "the nearest is linux-image-cloud-amd64")
    #expect(try await failure("busibox-static")?.advice == "the nearest is busybox-static")
    let version = try await failure("linux-image-cloud-amd64", "6.1.19-1")
    #expect(version?.code == .missing)
    #expect(version?.advice?.hasPrefix("the nearest is 6.1.20-1") == true)
    #expect(version?.advice?.contains("--at") == true)
    let release = try await failure("6.1.0-19")
    #expect(release?.message.contains("linux-image-6.1.0-19-cloud-amd64") == true)
    #expect(release?.advice?.contains("snapshot archive") == true)
    // By number and not by letters: 6.1.0-9 is older, 6.1.0-20 is the next.
    #expect(release?.advice?.hasPrefix("the nearest is linux-image-6.1.0-20-cloud-amd64;") == true)
    #expect(
      try await failure("6.1.0-10")?.advice?.hasPrefix(
        "the nearest is linux-image-6.1.0-18-cloud-amd64;") == true)
    #expect(
      try await failure("6.1.0-99-amd64")?.advice?.hasPrefix(
        "the nearest is linux-image-6.1.0-18-amd64;") == true)
    let architecture = await #expect(throws: KitError.self) {
      _ = try await repository.kernels(architecture: "amd46")
    }
    #expect(architecture?.code == .missing && architecture?.advice == "the nearest is amd64")
    // A part that the mirror lacks.
    #expect(try await failure("6.12.3-cloud-amd64")?.code == .missing)
    #expect(try await failure("linux-image-6.1.0-20-cloud-arm64")?.code == .missing)
  }

  @Test("A list of kernels, the newest first, without twins, meta packages and halves")
  func search() async throws {
    let kernels = try await repository.kernels(architecture: "amd64")
    #expect(
      kernels.map(\.release) == [
        "current-bcm2711", "6.12.2+deb12-cloud-amd64", "6.8.12-4-pve", "6.5.0-7-lowlatency",
        "6.1.0-20-cloud-amd64", "6.1.0-18-amd64", "6.1.0-18-cloud-amd64", "6.1.0-9-cloud-amd64",
        "5.15.0-100-generic",
      ])
    // What is taken when nobody names one.
    let own = try await repository.kernelPackages(nil, architecture: "amd64")
    #expect(own.map(\.package.name) == ["linux-image-6.1.0-20-cloud-amd64"])
    #expect(kernels.filter { $0.isDefault == true }.map(\.package) == own.map(\.package.name))
    // Each is found by its name as it is listed.
    for kernel in kernels {
      #expect(try await names(kernel.package).first == kernel.package)
    }
    #expect(kernels[1].layout == .split && kernels[4].layout == .onePackage)
    #expect(kernels[1].suites == ["test"] && kernels[1].version == "6.12.2-1")
    #expect(kernels[1].size > 3 * kernels[4].size)
    func found(_ pattern: String) throws -> [String] {
      try kernels.matching(pattern, architecture: "amd64").map(\.version)
    }
    #expect(try found("6.1.0-*-cloud-amd64") == ["6.1.20-1", "6.1.18-1", "6.1.9-1"])
    #expect(try found("linux-image-6.1.0-18") == ["6.1.18-1", "6.1.18-1"])
    #expect(try found("+deb12") == ["6.12.2-1"])
    #expect(try found("6.1") == ["6.1.20-1", "6.1.18-1", "6.1.18-1", "6.1.9-1"])
    #expect(try found("pve") == ["6.8.12-4"])
    let error = #expect(throws: KitError.self) { try found("claud") }
    #expect(error?.code == .missing && error?.advice?.hasPrefix("the nearest is cloud") == true)
    let none = #expect(throws: KitError.self) {
      try [KernelListing]().matching(nil, architecture: "amd64")
    }
    #expect(none?.code == .missing)
  }

  @Test("A file is looked up by its hash")
  func verify() async throws {
    let path = "\(signed.root)/pool/all/5.deb"
    let package = try DebArchive(path)
    let twin = try await repository.twin(of: package, architecture: "amd64")
    var input = try Manifest.Input(file: package)
    #expect(input.chain == nil)
    input.isVerified(by: twin)
    #expect(input.origin == "file")
    #expect(input.url == "http://m.invalid/pool/all/5.deb")
    #expect(input.chain?.release.fingerprints.count == 1)
    #expect(input.chain?.indexSHA256.utf8.count == 64)
    // The same name and version, different bytes; and a package that no suite has.
    try await Tool.shell(
      "dpkg-deb -R pool/all/5.deb t; touch t/x; dpkg-deb -b t other.deb >/dev/null", in: signed.root
    )
    for (path, words) in [("other.deb", "other bytes"), ("pool/kernel+b1.deb", "it has no")] {
      let package = try DebArchive("\(signed.root)/\(path)")
      let error = await #expect(throws: KitError.self) {
        _ = try await repository.twin(of: package, architecture: "amd64")
      }
      #expect(error?.code == .unverified && error?.message.contains(words) == true)
    }
  }
}
