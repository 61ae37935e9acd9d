import Formats
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// A machine that says it is Ubuntu, and an archive in Ubuntu's layout: of Debian's kernel, which is signed
/// by a key that was made for it.
@Suite struct UbuntuTests {
  private let signed: SignedRepository
  private let root: TemporaryFolder
  private let server: TestServer
  private let release: String

  init() async throws {
    signed = try await SignedRepository()
    root = try TemporaryFolder()
    server = try TestServer.files(below: signed.root)
    let tree = try TestCache.tree("cloud")
    release = try TestCache.release(in: tree)
    let programs = try ["busybox", "e2fsck"].map { try TestCache.packages($0)[0] }
    try await Tool.shell(
      """
      export XZ_DEFAULTS=-0 ZSTD_CLEVEL=1
      # package NAME DEPENDS: of the folder p, which it takes away
      package() {
        mkdir -p p/DEBIAN
        printf 'Package: %s\\nVersion: 6.1.0-57.58\\nArchitecture: amd64\\nMaintainer: x <x@x>\\nDescription: x\\n' $1 >p/DEBIAN/control
        [ -z "$2" ] || echo "Depends: $2" >>p/DEBIAN/control
        dpkg-deb --root-owner-group -Zzstd -z1 -b p pool/$1.deb >/dev/null
        rm -r p
      }
      tree=\(tree) v=\(release)
      lib=$tree/lib/modules/$v to=p/lib/modules/$v
      for image in linux-image linux-image-unsigned; do
        mkdir -p p/boot; cp $tree/boot/vmlinuz-$v p/boot; chmod 600 p/boot/*
        package $image-$v "kmod, linux-base (>= 4.5ubuntu1~16.04.1), linux-modules-$v"
      done
      mkdir -p p/boot $to; cp $tree/boot/config-$v $tree/boot/System.map-$v p/boot; chmod 600 p/boot/System.map*
      cp -r $lib/kernel $lib/modules.builtin* $lib/modules.order $to; rm -r $to/kernel/drivers/net/ethernet
      package linux-modules-$v ""
      mkdir -p $to/kernel/drivers/net; cp -r $lib/kernel/drivers/net/ethernet $to/kernel/drivers/net
      package linux-modules-extra-$v "linux-image-$v | linux-image-unsigned-$v"
      mkdir p; package linux-image-virtual "linux-image-$v"
      mkdir p; package linux-image-generic "linux-image-$v, linux-modules-extra-$v, linux-firmware"
      mkdir p; package linux-virtual "linux-image-virtual (= 6.1.0-57.58), linux-headers-virtual"
      cp \(programs.joined(separator: " ")) pool
      index() {
        mkdir -p $1; shift_to=$1; shift
        for deb; do
          dpkg-deb -f pool/$deb; echo "Filename: pool/$deb"; echo "Size: $(stat -c %s pool/$deb)"
          echo "SHA256: $(sha256sum <pool/$deb | cut -d' ' -f1)"; echo
        done >$shift_to/Packages
      }
      kernels=$(cd pool; ls linux-*.deb)
      index dists/noble/main/binary-amd64 \(FileTree.name(of: programs[0]))
      index dists/noble/universe/binary-amd64 \(FileTree.name(of: programs[1]))
      index dists/noble-updates/main/binary-amd64 $kernels
      mkdir -p dists/noble-updates/universe/binary-amd64; : >dists/noble-updates/universe/binary-amd64/Packages
      index dists/noble-security/main/binary-amd64
      for suite in noble noble-updates noble-security; do
        cd dists/$suite; gzip -k */binary-amd64/Packages
        { printf 'Origin: Ubuntu\\nLabel: Ubuntu\\nSuite: %s\\nCodename: noble\\nComponents: main universe\\nArchitectures: amd64\\n' $suite
          echo "Date: $(LC_ALL=C date -u -d @\(signed.now - 60) '+%a, %d %b %Y %H:%M:%S UTC')"; echo SHA256:
          for f in */binary-amd64/Packages*; do echo " $(sha256sum $f | cut -d' ' -f1) $(stat -c %s $f) $f"; done
        } >Release
        gpg --homedir \(signed.folder("gpg")) --batch -q --digest-algo SHA512 --clearsign -o InRelease Release
        cd ../..
      done
      """, in: signed.root)
    try root.write(
      "os-release",
      "PRETTY_NAME=\"Ubuntu 24.04 LTS\"\nID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\nUBUNTU_CODENAME=noble\n"
        .utf8)
    try root.write(
      "apt/sources.list.d/ubuntu.sources",
      """
      Types: deb
      URIs: \(server.address)/
      Suites: noble noble-updates
      Components: main universe restricted multiverse
      Signed-By: \(signed.keyring)

      Types: deb
      URIs: \(server.address)/
      Suites: noble-security
      Components: main universe restricted multiverse
      Signed-By: \(signed.keyring)

      """.utf8)
    try root.write("apt/sources.list", "# Ubuntu sources have moved to ubuntu.sources\n".utf8)
  }

  /// The program, on that machine.
  private func run(_ words: [String]) async throws -> Tool.Result {
    try await Tool.run(
      "unshare",
      [
        "--map-root-user", "--mount", "sh", "-euc",
        """
        root=$1; shift
        mount --bind "$root/apt" /etc/apt
        mount --bind "$root/os-release" "$(readlink -f /etc/os-release)"
        exec "$@"
        """, "sh", root.path, TestKit.program,
      ] + words, environment: ["XDG_CACHE_HOME": root("cache"), "no_proxy": "*"])
  }

  @Test("build without arguments takes Ubuntu's own kernel, from its own sources, by its own keys")
  func build() async throws {
    let result = try await run(["build", "--out", root("kit"), "--disk-compression", "zlib"])
    #expect(result.status == 0, "\(result.errors)")
    let names = try FileTree.names(in: root("kit"))
    #expect(names.contains("vmlinuz-\(release)") && names.contains("config-\(release)"))
    #expect(FileTree.status(root("kit/vmlinuz-\(release)"))?.mode == 0o644)
    let manifest = try #require(try Kit.manifest(root("kit/manifest-\(release).json")))
    #expect(
      manifest.inputs.map(\.package) == ["linux-image-\(release)", "linux-modules-\(release)"])
    #expect(manifest.inputs.allSatisfy { $0.chain?.release.suite == "noble-updates" })
    #expect(
      manifest.programs.compactMap(\.chain).map(\.index).sorted() == [
        "\(server.address)/dists/noble/main/binary-amd64/Packages.gz",
        "\(server.address)/dists/noble/universe/binary-amd64/Packages.gz",
      ])
    #expect(manifest.initramfsModules.contains { $0.path.hasSuffix("/virtio_blk.ko") })
  }

  @Test(
    "search and fetch: the meta packages' kernels, the modules that come apart, no unsigned twin")
  func search() async throws {
    let listed = try await run(["search"])
    #expect(listed.status == 0, "\(listed.errors)")
    #expect(listed.output.split(separator: "\n").count == 1, "\(listed.output)")
    #expect(listed.output.hasPrefix("\(release)  ") && listed.output.hasSuffix("default\n"))
    for name in ["linux-image-generic", "linux-virtual", "6.1"] {
      let fetched = try await run(["fetch", name, "--out", root("out")])
      let files = fetched.output.split(separator: "\n").map { FileTree.name(of: String($0)) }
      let parts = ["image", "modules"] + (name == "linux-image-generic" ? ["modules-extra"] : [])
      #expect(files == parts.map { "linux-\($0)-\(release).deb" }, "\(name): \(fetched.errors)")
    }
  }

  @Test(
    "The release of a system that is made of another's",
    arguments: [
      ("VERSION_CODENAME=wilma\nUBUNTU_CODENAME=noble\n", "noble"),
      ("VERSION_CODENAME='jammy'\nUBUNTU_CODENAME=jammy\n", "jammy"),
      ("VERSION_CODENAME=faye\nDEBIAN_CODENAME=bookworm\n", "bookworm"),
      ("VERSION_CODENAME=own\nUBUNTU_CODENAME=other\n", "own"), ("UBUNTU_CODENAME=noble", "noble"),
    ])
  func derivatives(_ text: String, _ codename: String) throws {
    let machine = try TemporaryFolder()
    try machine.write("usr/lib/os-release", text.utf8)
    let suites = ["noble", "noble-updates", "jammy", "bookworm", "wilma", "own"]
    try machine.write(
      "etc/apt/sources.list",
      suites.map { "deb http://m.invalid \($0) main\n" }.joined().utf8)
    let sources = AptSources.system(root: machine.path)
    #expect(sources.codename == codename)
    #expect(try sources.chosen(suite: nil).first?.suite == codename)
  }
}
