import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// `minivm verify`: what is the same is said to be, and what is not is named.
@Suite struct KitVerifyTests {
  static let release = CommandBench.release

  /// A bench with a kit in `kit`, made of a package and a template of its own.
  private func bench(
    _ options: [String] = [], hasNotes: Bool = false
  ) async throws -> CommandBench {
    let bench = try CommandBench()
    if hasNotes {
      var note = try TemplateTool.busybox.read(bench.folder("t/bin/busybox")).note
      (note.package, note.version) = ("busybox-static", "1.36")
      try bench.folder.write("t/SOURCES.json", JSON.encode(["programs": [note]]))
    }
    try bench.folder.write("more.ramfs", "# all of it\nfs\n".utf8)
    let built = try await bench.run(
      ["build", "p.deb", "--template", "t", "--out", "kit", "--quiet"] + options)
    #expect(built.status == 0, "\(built.errors)")
    return bench
  }

  private static let verify = ["verify", "kit", "--template", "t"]

  @Test(
    "The same",
    arguments: [
      [], ["--disk-format", "raw"], ["--disk-size", "300", "--initramfs-compression", "none"],
      ["--disk-compression", "zlib", "--no-coldplug", "--modules-as-shipped"],
      ["--modules", "more.ramfs"], ["--best"],
    ])
  func same(_ options: [String]) async throws {
    let bench = try await bench(options)
    let before = try await bench.listing()
    let result = try await bench.run(
      Self.verify, environment: ["SOURCE_DATE_EPOCH": "1234567", "TMPDIR": bench.folder("home")])
    #expect(result.status == 0, "\(result.errors)")
    let lines = result.output.split(separator: "\n")
    #expect(lines.count == 1 && result.output.contains("is the same: 4 files, byte for byte"))
    #expect(result.output.contains("linux-image-\(Self.release) 1"))
    #expect(try await bench.listing() == before)
    #expect(try await bench.temporaries() == "")
  }

  @Test("Of a folder, with a time that was given; what was built is kept")
  func folder() async throws {
    let bench = try CommandBench()
    let made = try await bench.shell(
      """
      set -e; mkdir k; cd k; "$minivm" unpack ../p.deb >/dev/null; cd ..
      SOURCE_DATE_EPOCH=2000000000 "$minivm" build k --template t --out kit --quiet
      mkdir away; cp -r kit away
      cd away; "$minivm" verify kit ../k --template ../t --out again
      cmp kit/manifest-* again/manifest-*; cmp kit/modules-* again/modules-*
      """)
    #expect(made.status == 0, "\(made.errors)")
    try await bench.expectFailure(
      ["verify", "away/kit", "--template", "t"], 3, "lib/modules/\(Self.release), which is not here"
    )
    try await bench.expectFailure(
      ["verify", "kit", "k", "--template", "t", "--out", "away"], 2, "away: already exists")
  }

  struct Damage: CustomTestStringConvertible {
    var testDescription: String
    /// In `kit`; `$r` is the kernel's release.
    var script: String
    var fragments: [String]
  }

  /// Unpacks the RAM disk into `x`, runs a script in it, and packs it again.
  private static func ramDisk(_ script: String) -> String {
    """
    mkdir ../x; cd ../x; zstd -dqc ../kit/initramfs-$r >../cpio
    cpio -id --quiet --no-preserve-owner -m <../cpio; \(script)
    find . -type d -exec touch -d @1000000000 {} +
    find . -mindepth 1 | LC_ALL=C sort | sed 's|^./||' | cpio -o -H newc -R 0:0 --quiet | zstd -9qc >../kit/initramfs-$r
    cd ../kit
    """
  }

  /// Changes the manifest, and its line in SHA256SUMS.
  private static func forged(_ script: String) -> String {
    """
    cp manifest-$r.json ../before; sed -i '\(script)' manifest-$r.json
    ! cmp -s ../before manifest-$r.json
    grep -v manifest SHA256SUMS >../sums; sha256sum manifest-$r.json | cat ../sums - >SHA256SUMS
    """
  }

  static let damages = [
    Damage(
      testDescription: "a program", script: ramDisk("echo other >bin/busybox"),
      fragments: ["initramfs-\(release): bin/busybox: content 6 bytes", "rebuilt, "]),
    Damage(
      testDescription: "a mode", script: ramDisk("chmod 755 lib/modules/$r/kernel/fs/x.ko"),
      fragments: ["kernel/fs/x.ko: mode 0755; rebuilt, 0644"]),
    Damage(
      testDescription: "a time", script: ramDisk("touch -d @1000000007 init"),
      fragments: ["initramfs-\(release): init: time 1000000007; rebuilt, 1000000000"]),
    Damage(
      testDescription: "a link", script: ramDisk("ln -sf sh bin/zz"),
      fragments: ["bin/zz: is there; the rebuilt kit does not have it"]),
    Damage(
      testDescription: "a module that is gone",
      script: ramDisk("rm lib/modules/$r/kernel/fs/x.ko"),
      fragments: ["lib/modules/\(release)/kernel/fs/x.ko: is missing; the rebuilt kit has it"]),
    Damage(
      testDescription: "a RAM disk that is only compressed otherwise",
      script:
        "zstd -dqc initramfs-$r >../cpio; zstd -1qc ../cpio >initramfs-$r",
      fragments: ["initramfs-\(release): has the same content, stored differently"]),
    Damage(
      testDescription: "a RAM disk that is none", script: "echo x >initramfs-$r",
      fragments: ["initramfs-\(release): can't be read: "]),
    Damage(
      testDescription: "a module on the disk",
      script: """
        head -c 999 /dev/zero >../zeros
        debugfs -wR "rm $r/kernel/fs/x.ko" modules-$r.raw
        debugfs -wf /dev/stdin modules-$r.raw <<E
        cd $r/kernel/fs
        write ../zeros x.ko
        E
        """, fragments: ["modules-\(release).raw: \(release)/kernel/fs/x.ko: content 999 bytes"]),
    Damage(
      testDescription: "an owner on the disk",
      script: "debugfs -wR \"set_inode_field $r/kernel uid 7\" modules-$r.raw",
      fragments: ["\(release)/kernel: owner 7:0; rebuilt, 0:0"]),
    Damage(
      testDescription: "the disk's label", script: "tune2fs -L other modules-$r.raw",
      fragments: ["its label is other; rebuilt, minivm-modules"]),
    Damage(
      testDescription: "the kernel", script: "echo x >>vmlinuz-$r",
      fragments: ["vmlinuz-\(release): ", " bytes with SHA-256 ", "; rebuilt, "]),
    Damage(
      testDescription: "the configuration", script: "sed -i s/ZSTD=y/ZSTD=m/ config-$r",
      fragments: ["config-\(release): CONFIG_RD_ZSTD: m; rebuilt, y"]),
    Damage(
      testDescription: "a file that is missing", script: "rm config-$r",
      fragments: ["config-\(release): is missing in the kit"]),
    Damage(
      testDescription: "a reason in the manifest",
      script: "sed -i 's/modules.ramfs:1:/modules.ramfs:2:/' manifest-$r.json; rm SHA256SUMS",
      fragments: ["manifest-\(release).json: initramfsModules: differs from the rebuilt one"]
    ),
    Damage(
      testDescription: "a package's version in the manifest",
      script: forged("s/\"version\" : \"1\"/\"version\" : \"9.9-fixed\"/"),
      fragments: ["manifest-\(release).json: inputs: differs from the rebuilt one"]),
    Damage(
      testDescription: "a program's version in the manifest",
      script: forged("s/\"version\" : \"1.36\"/\"version\" : \"evil\"/"),
      fragments: ["manifest-\(release).json: programs: differs from the rebuilt one"]),
    Damage(
      testDescription: "the time in the manifest",
      script: forged("s/\"timestamp\" : 1000000000/\"timestamp\" : 1000000007/"),
      fragments: ["initramfs-\(release): "]),
    Damage(
      testDescription: "a manifest that the sums are not of", script: "echo >>manifest-$r.json",
      fragments: ["SHA256SUMS: manifest-\(release).json: does not match its SHA-256"]),
    Damage(
      testDescription: "the sums", script: "sed -i 's/^...../00000/' SHA256SUMS",
      fragments: ["SHA256SUMS: ", "does not match its SHA-256"]),
  ]

  @Test("What differs is named", arguments: damages)
  func differs(_ damage: Damage) async throws {
    let bench = try await bench(["--disk-format", "raw"], hasNotes: true)
    let path = "PATH=\"$PATH:/usr/sbin:/sbin\"; r=\(Self.release)"
    let done = try await bench.shell("set -e; \(path); cd kit; \(damage.script)")
    #expect(done.status == 0, "\(done.errors)")
    let result = try await bench.run(Self.verify)
    #expect(result.status == 4, "\(result.output)")
    let lines = result.errors.split(separator: "\n").filter {
      !$0.hasPrefix("minivm: warning: ")
    }
    #expect(lines.count == 1, "\(result.errors)")
    for fragment in damage.fragments {
      #expect(result.errors.contains(fragment), "\(result.errors)")
    }
    guard damage.testDescription == "the sums" else { return }
    let json = try await bench.run(Self.verify + ["--json"])
    #expect(json.status == 4)
    let verification = try JSON.decode(KitVerification.self, from: Array(json.output.utf8))
    #expect(!verification.isSame && verification.differences.count == 5)
  }

  @Test("A damaged manifest leads nowhere")
  func manifests() async throws {
    let bench = try await bench()
    let path = "kit/manifest-\(Self.release).json"
    let text = String(decoding: try bench.folder.read(path), as: UTF8.self)
    func expect(_ status: Int, _ fragment: String, _ old: String, _ new: String) async throws {
      try #require(text.contains(old))
      try bench.folder.write(path, text.replacing(old, with: new).utf8)
      try await bench.expectFailure(Self.verify, status, fragment)
    }
    try await expect(1, "is not a manifest", "\"kernel\"", "\"kernels\"")
    try await expect(1, "is not the manifest of kernel", "\"kernel\" : \"6", "\"kernel\" : \"7")
    try await expect(1, "has options that minivm", "\"qcow2\"", "\"vhd\"")
    let digest = try #require(text.firstMatch(of: #/"sha256" : "..../#)).output
    try await expect(3, "p.deb (package linux-image-", String(digest), "\"sha256\" : \"0000")
    try await expect(1, "no valid name and SHA-256", "\"p.deb\"", "\"..\"")
    try await expect(3, "does not record the kit's lists and template", "\"recipe\"", "\"receipt\"")
    try bench.folder.write(path, text.replacing("\"minivm\" : \"0", with: "\"minivm\" : \"9").utf8)
    let other = try await bench.run(Self.verify)
    #expect(other.errors.contains("the kit was made by minivm 9.1.0, this is 0.1.0"))
    try await bench.expectFailure(["verify", "t"], 3, "has no manifest-VER.json")
    try bench.folder.write(path, text.utf8)
    try await bench.expectFailure(["verify", "kit"], 3, "give it with --template")
    try bench.folder.write("t/more", [])
    try await bench.expectFailure(Self.verify, 4, "t: is not the kit's template")
  }

  @Test("From a mirror, with an empty cache, with a full one and no network, and when it is gone")
  func mirror() async throws {
    let place = try await DownloadProgramTests.Place(OutputTests.big)
    let server = try TestServer.files(below: place.repository.root)
    try await place.succeed(place.build(server.address))
    let words = ["verify", place.folder("out"), "--template", place.folder("template")]
    FileTree.remove(place.folder("cache"))
    let unsigned = try await place.succeed(words)
    #expect(unsigned.contains("is the same") && unsigned.contains("--signed"))
    #expect(try await place.succeed(words + ["--offline"]).contains("is the same"))
    let mirror = [
      "--mirror", server.address, "--suite", "test", "--keyring", place.repository.keyring,
    ]
    let signed = try await place.succeed(words + mirror + ["--signed"])
    #expect(signed.contains("is the same") && !signed.contains("--signed"))
    // The manifest says which mirror and suite; who has to vouch for them, it does not.
    let keys = ["--keyring", place.repository.keyring]
    let own = try await place.succeed(words + keys + ["--signed"])
    #expect(own.contains("is the same") && !own.contains("--signed"))
    let untrusted = try await Tool.run(
      TestKit.program, words + ["--signed"], environment: place.variables)
    #expect(untrusted.status == 4 && untrusted.errors.contains("test/InRelease"))
    FileTree.remove(place.folder("cache"))
    // At another address, where it is found by name and hash.
    let pool = "\(place.repository.root)/pool"
    let index = "\(place.repository.root)/pool2"
    try FileTree.rename(pool, to: index)
    let gone = try await Tool.run(
      TestKit.program, words + mirror, environment: place.variables)
    #expect(gone.status == 3 && gone.errors.contains("can no longer be found"))
    #expect(gone.errors.split(separator: "\n").count == 1, "\(gone.errors)")
    try FileTree.rename(index, to: pool)
    #expect(try await place.succeed(words + mirror).contains("is the same"))
  }

  @Test(
    "From an archive whose lists have SHA-512 alone: out of the cache, and by the archive's index")
  func sha512() async throws {
    let place = try await DownloadProgramTests.Place(OutputTests.big)
    let signed = place.repository
    let sum = try await Tool.shell("sha512sum <pool/kernel+b1.deb", in: signed.root).prefix(128)
    try await Tool.shell(
      "sed -i 's/^SHA256: .*/SHA512: \(sum)/' Packages; xz -kf Packages",
      in: "\(signed.suiteFolder)/main/binary-amd64")
    var fields = SignedRepository.Fields(date: signed.now - 3600)
    fields.hashes = ["SHA512": "sha512sum"]
    try await signed.writeRelease(fields)
    try await signed.sign()
    let server = try TestServer.files(below: signed.root)
    try await place.succeed(place.build(server.address))
    let count = server.requests.count
    let words = ["verify", place.folder("out"), "--template", place.folder("template")]
    #expect(try await place.succeed(words + ["--offline"]).contains("is the same"))
    #expect(server.requests.count == count)
    // Not at its address any more, and in the index that the named mirror has.
    FileTree.remove(place.folder("cache"))
    try await Tool.shell(
      "sed -i 's#\(server.address)/pool#\(server.address)/gone#' manifest-*; grep -v manifest SHA256SUMS >s; sha256sum manifest-* >>s; mv s SHA256SUMS",
      in: place.folder("out"))
    let mirror = ["--mirror", server.address, "--suite", "test", "--keyring", signed.keyring]
    #expect(try await place.succeed(words + mirror).contains("is the same"))
  }

  @Test("When the manifest's address fails, whatever the reason, the named mirror is asked, too")
  func otherMirror() async throws {
    let place = try await DownloadProgramTests.Place(OutputTests.big)
    let files = try TestServer.files(below: place.repository.root)
    let first = try TestServer { request in
      request.target.contains("/pool/")
        ? [.send(TestServer.head("403 Forbidden", length: 0))]
        : [
          .send(
            TestServer.head("301 Moved", length: 0, ["Location: \(files.address)\(request.target)"])
          )
        ]
    }
    // The package was brought, and now its address forbids it.
    let sums = "grep -v manifest SHA256SUMS >s; sha256sum manifest-* >>s; mv s SHA256SUMS"
    try await place.succeed(place.build(files.address))
    try await Tool.shell(
      "sed -i 's#\(files.address)/pool#\(first.address)/pool#' manifest-*; \(sums)",
      in: place.folder("out"))
    func verify(_ mirror: String, _ suite: String = "test") async throws -> Tool.Result {
      FileTree.remove(place.folder("cache"))
      return try await Tool.run(
        TestKit.program,
        [
          "verify", place.folder("out"), "--template", place.folder("template"), "--mirror", mirror,
          "--suite", suite, "--keyring", place.repository.keyring,
        ], environment: place.variables)
    }
    let found = try await verify(files.address)
    #expect(found.status == 0 && found.output.contains("is the same"), "\(found)")
    // The first reason, and the second.
    let nowhere = try await verify(files.address, "other")
    #expect(nowhere.status == 1 && nowhere.errors.contains("status 403"), "\(nowhere.errors)")
    #expect(nowhere.errors.contains("has no suite “other”"), "\(nowhere.errors)")
    try await place.repository.sign(home: "other")
    try await Tool.shell(
      "sed -i 's#\(first.address)/#\(files.address)/no/#' manifest-*", in: place.folder("out"))
    let untrusted = try await verify(files.address)
    #expect(untrusted.status == 4, "\(untrusted.errors)")
    #expect(untrusted.errors.contains("can no longer be found"), "\(untrusted.errors)")
    #expect(untrusted.errors.contains("not signed by a trusted key"), "\(untrusted.errors)")
  }

  @Test("A real kernel's kit, whose template is made again of the programs that the manifest names")
  func real() async throws {
    let folder = try TemporaryFolder()
    let template = try TestKit.makeTemplate(folder)
    let packages = try ["cloud", "busybox", "e2fsck"].flatMap(TestCache.packages)
    _ = try await Tool.shell(
      """
      "$minivm" build \(packages[0]) --template "$template" --out kit --no-cache --quiet
      "$minivm" verify kit \(packages.joined(separator: " ")) --offline
      """, in: folder.path,
      environment: [
        "minivm": TestKit.program, "template": template, "XDG_CACHE_HOME": folder("cache"),
      ])
  }
}
