import Formats
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// Alpine packages given as files, the command, and the order of versions.
@Suite struct AlpinePackageTests {
  @Test("A package file is taken as it is, or as signed")
  func file() async throws {
    let mirror = try await AlpineMirror()
    let keys = try AlpineKeys(folder: mirror.folder("keys"))
    let plain = try TemplateTool.busybox.read(mirror.package)
    #expect(plain.note.signedBy == nil && plain.note.origin == "busybox-static-1.36.1-r29.apk")
    let signed = try TemplateTool.busybox.read(mirror.package, architecture: "amd64", keys: keys)
    #expect(signed.note.signedBy == "test.rsa.pub" && signed.program == plain.program)
    // Without a signature only what is asked for can tell.
    try await mirror.run("package control.tar.gz data.tar.gz")
    #expect(try TemplateTool.busybox.read(mirror.package).program == plain.program)
    let unsigned = #expect(throws: KitError.self) {
      try TemplateTool.busybox.read(mirror.package, keys: keys)
    }
    #expect(unsigned?.code == .unverified)
    // The data's hash is always looked at.
    try await mirror.run("printf x >>data.tar.gz; package control.tar.gz data.tar.gz")
    let changed = #expect(throws: KitError.self) { try TemplateTool.busybox.read(mirror.package) }
    #expect(changed?.code == .unverified && changed?.message.contains(".PKGINFO: ") == true)
    // What is no such package has no such signature.
    let other = #expect(throws: KitError.self) {
      try TemplateTool.busybox.read(busyboxPath(), keys: keys)
    }
    #expect(other?.code == .usage)
  }

  @Test("The command, over HTTP: a template with the program and its note, or as it was")
  func command() async throws {
    let mirror = try await AlpineMirror()
    let folder = mirror.folder
    try FileTree.makeDirectories(folder("template"))
    try FileTree.makeDirectories(folder("none"))
    func update(_ server: TestServer, _ arguments: [String]) async throws -> Tool.Result {
      try await Tool.run(
        TestKit.program,
        ["update-busybox", folder("template"), "--from", "alpine", "--mirror", server.address]
          + arguments, in: folder.path, environment: ["XDG_CACHE_HOME": folder("cache")])
    }
    let sound = ["--arch", "amd64", "--branch", "v3.20", "--keys", "keys"]
    let server = try TestServer.files(below: folder.path)
    let good = try await update(server, sound)
    #expect(good.status == 0 && good.output.contains("busybox-static 1.36.1-r29"), "\(good)")
    try await Tool.output("cmp", [busyboxPath(), folder("template/bin/busybox")])
    let note = try #require(try TemplateFolder(folder("template")).programs().first)
    #expect(note.signedBy == "test.rsa.pub" && note.origin.hasPrefix(server.address))
    try await mirror.run("cp -r template before")

    // Later ones count.
    for (arguments, status, message) in [
      (["--keys", "nowhere"], 3, "no such folder"), (["--branch", "v1.0"], 3, "no branch"),
      (["--arch", "arm64"], 3, "for aarch64"), (["--keys", "none"], 4, "no such key is in none"),
      (["--suite", "trixie"], 2, "--suite"), (["--component", "main"], 2, "--component"),
      (["--only-suite"], 2, "--only-suite"), (["--branch", "../x"], 2, "is not a valid name"),
    ] {
      let result = try await update(server, sound + arguments)
      #expect(
        result.status == status && result.errors.contains(message), "\(arguments) \(result.errors)")
    }
    try await mirror.run(
      "printf X | dd of=$(echo $branch/*.apk) bs=1 seek=5000 conv=notrunc 2>/dev/null")
    FileTree.remove(folder("cache"))
    let changed = try await update(TestServer.files(below: folder.path), sound)
    #expect(changed.status == 4 && changed.errors.contains("SHA-256"), "\(changed)")
    #expect(changed.errors.split(separator: "\n").count == 1)
    try await Tool.output("diff", ["-r", folder("template"), folder("before")])
    let missing = try await Tool.run(
      TestKit.program, ["update-busybox", mirror.folder("template"), "--from", "alpine"])
    #expect(missing.status == 2 && missing.errors.contains("--mirror"), "\(missing.errors)")
  }

  @Test("The comparisons that apk itself is tested with")
  func versionsOfApk() async throws {
    let tree = try TestCache.tree("alpine-versions")
    let text = try await Tool.shell(
      "cat $(find . -name version_testcase.go) | tr -d '\t{}, '", in: tree)
    var count = 0
    for line in text.split(separator: "\n") where line.hasPrefix("\"") {
      let words = line.split(separator: "\"", omittingEmptySubsequences: true).map(String.init)
      try #require(words.count >= 3)
      // It compares what are no versions, too, as texts; we take none of them.
      guard let left = AlpineVersion(words[0]), let right = AlpineVersion(words[2]) else {
        continue
      }
      let order = left < right ? "<" : left == right ? "=" : ">"
      #expect(order == words[1], "\(left) \(right)")
      count += 1
    }
    #expect(count > 600, "\(count)")
  }

  @Test("Alpine's own keys can be read, each of them")
  func realKeys() throws {
    let folder = "\(try TestCache.tree("alpine-keys"))/usr/share/distribution-gpg-keys/alpine-linux"
    let keys = try AlpineKeys(folder: folder)
    let names = try FileTree.names(in: folder)
    #expect(names.count >= 15)
    for name in names {
      let signature = AlpineKeys.Signature(
        file: ".SIGN.RSA.\(name)", bytes: [UInt8](repeating: 1, count: 256))
      let error = #expect(throws: KitError.self) { try keys.verify([1], [signature], name: "x") }
      #expect(error?.message.contains("bad signature by key") == true, "\(error!)")
    }
  }

  @Test("Versions in the order of apk, each pair of them")
  func versions() throws {
    let ordered = [
      "0.9", "1.0_alpha", "1.0_alpha2", "1.0_beta", "1.0_pre1", "1.0_rc1", "1.0_rc1-r1", "1.0",
      "1.0-r0", "1.0-r1", "1.0-r10", "1.0_cvs1", "1.0_git20240101", "1.0_p1", "1.0_p1-r2",
      "1.0_p2", "1.0.1", "1.0.9", "1.01", "1.05", "1.1", "1.1a", "1.1b", "1.1.1", "1.2", "1.9",
      "1.10", "1.36.1-r3", "1.36.1-r29", "1.37.0_rc1-r0", "1.37.0-r0", "1.37.0-r12", "2_p1",
      "20240101",
    ].map { AlpineVersion($0) }
    for (i, left) in ordered.enumerated() {
      for (j, right) in ordered.enumerated() {
        let (a, b) = (try #require(left), try #require(right))
        #expect((a < b) == (i < j), "\(a) \(b)")
        #expect((a == b) == (i == j), "\(a) \(b)")
      }
    }
    #expect(try #require(AlpineVersion("1.2-r0")) == #require(AlpineVersion("1.2-r00")))
    for text in [
      "", "a", "1.", "1.x", "1-1", "1-r", "1_", "1_foo", "1/2", "../1", "1 2", "1.0\n", "1²", "-r1",
      "1-r1.2", "1..2", "99999999999999999999", "1~", "1.0ab",
    ] {
      #expect(AlpineVersion(text) == nil, "\(text)")
    }
  }
}
