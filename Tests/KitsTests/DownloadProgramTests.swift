import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The program itself against a mirror on this machine: stopped at any moment, without a network,
/// through a proxy, on a full disk.
@Suite struct DownloadProgramTests {
  /// A mirror with a package that takes a while, and folders to work in.
  struct Place {
    let repository: SignedRepository
    let folder: TemporaryFolder

    /// - Parameter package: a kernel that can be built of, instead of one that only takes a while.
    init(_ package: MadeUpPackage? = nil) async throws {
      repository = try await SignedRepository()
      folder = try TemporaryFolder()
      if let package {
        try repository.folder.write("repository/pool/kernel+b1.deb", package.bytes)
        try await repository.writeIndex(extra: ["Version": "1"])
        try folder.write("template/init", "#!/bin/busybox sh\n".utf8)
        try FileTree.setAttributes(folder("template/init"), mode: 0o755, seconds: 0)
        try folder.write("template/bin/busybox", staticProgram(["sh"]))
        try folder.write("modules.ramfs", "fs\n".utf8)
        try folder.write("modules.autoload", [])
      } else {
        try await Tool.shell(
          """
          head -c 3000000 /dev/urandom >p/boot/System.map-6.1.0-1-x
          dpkg-deb --root-owner-group -Znone -b p repository/pool/kernel+b1.deb >/dev/null
          """, in: repository.folder.path)
        try await repository.writeIndex()
      }
      try await repository.writeRelease(.init(date: repository.now - 3600))
      try await repository.sign()
    }

    var variables: [String: String] { ["XDG_CACHE_HOME": folder("cache"), "no_proxy": "*"] }

    /// Words that say where packages are.
    func mirror(_ address: String) -> [String] {
      ["--arch", "amd64", "--mirror", address, "--suite", "test", "--keyring", repository.keyring]
    }

    func fetch(_ address: String, _ more: [String] = []) -> [String] {
      ["fetch", SignedRepository.package, "--out", folder("out")] + mirror(address) + more
    }

    func build(_ address: String) -> [String] {
      ["build", SignedRepository.package, "--out", folder("out")] + mirror(address) + [
        "--template", folder("template"), "--modules", folder("modules.ramfs"), "--autoload",
        folder("modules.autoload"),
      ]
    }

    @discardableResult
    func succeed(_ words: [String]) async throws -> String {
      try await Tool.output(TestKit.program, words, environment: variables)
    }

    /// Runs the program and kills it.
    func kill(_ words: [String], afterMilliseconds time: Int) async throws {
      let result = try await Tool.run(
        "timeout",
        ["-s", "KILL", "\(time / 1000).\(String(time % 1000 + 1000).dropFirst())"]
          + [TestKit.program] + words, environment: variables)
      #expect([0, 137].contains(result.status), "\(result.errors)")
    }

    /// Whatever is called by a hash has it, and nothing unfinished is in sight.
    func check(output: String) async throws {
      let wrong = try await Tool.shell(
        """
        mkdir -p cache/minivm/files out
        for f in cache/minivm/files/*/*; do
          [ -e "$f" ] || continue
          [ "$(sha256sum <"$f" | cut -d' ' -f1)" = "$(basename "$(dirname "$f")")" ] || echo "$f"
        done
        """, in: folder.path)
      #expect(wrong == "")
      for name in try FileTree.names(in: folder("out")) where !name.hasPrefix(".minivm-") {
        #expect(!output.isEmpty && (name.contains(output) || name == "SHA256SUMS"), "\(name)")
      }
    }
  }

  @Test("Killed at twenty moments of a fetch: the next run succeeds")
  func killedFetch() async throws {
    let place = try await Place()
    let slow = try TestServer.files(below: place.repository.root, rate: 3_000_000)
    let clock = ContinuousClock()
    let begin = clock.now
    try await place.succeed(place.fetch(slow.address))
    let time = Int((clock.now - begin) / .milliseconds(1))
    var generator = SystemRandomNumberGenerator()
    for round in 0..<20 {
      FileTree.remove(place.folder("cache"))
      FileTree.remove(place.folder("out"))
      try FileTree.makeDirectory(place.folder("out"))
      // One in each twentieth of the time that it takes.
      let moment = time * round / 20 + Int.random(in: 0...time / 20, using: &generator)
      try await place.kill(place.fetch(slow.address), afterMilliseconds: moment + 1)
      try await place.check(output: "kernel+b1.deb")
      try await place.succeed(place.fetch(slow.address))
      try await place.check(output: "kernel+b1.deb")
      let (got, wanted) = (place.folder("out/kernel+b1.deb"), "\(place.repository.root)/pool/")
      try await Tool.output("cmp", [got, wanted + "kernel+b1.deb"])
      #expect(try FileTree.names(in: place.folder("cache/minivm/partial")) == [])
    }
    let resumed = slow.requests.filter { $0.offset != nil }
    #expect(!resumed.isEmpty, "no run went on where the one before was killed")
  }

  @Test("Killed at twenty moments of a build: the next run succeeds, from whatever was left")
  func killedBuild() async throws {
    // Some 100 modules and a megabyte: enough to be interrupted at each step.
    var package = OutputTests.big
    for number in 0..<100 {
      package.add(
        "\(MadeUpPackage.tree)/kernel/fs/m\(number).ko",
        ELFModuleBuilder(information: ["license=GPL"], exports: ["s\(number)"]).bytes())
    }
    let place = try await Place(package)
    let server = try TestServer.files(below: place.repository.root, rate: 1_000_000)
    let build = place.build(server.address)
    try FileTree.makeDirectory(place.folder("out"))
    let clock = ContinuousClock()
    let begin = clock.now
    try await place.succeed(build)
    let time = Int((clock.now - begin) / .milliseconds(1))
    let sums = try place.folder.read("out/SHA256SUMS")
    var generator = SystemRandomNumberGenerator()
    for round in 0..<20 {
      FileTree.remove(place.folder("out"))
      FileTree.remove(place.folder("cache"))
      try FileTree.makeDirectory(place.folder("out"))
      let moment = time * round / 20 + Int.random(in: 0...time / 20, using: &generator)
      try await place.kill(build, afterMilliseconds: moment + 1)
      // All of the kit, or nothing of it.
      let names = try FileTree.names(in: place.folder("out")).filter { !$0.hasPrefix(".minivm-") }
      #expect(names.isEmpty || names.contains("SHA256SUMS"), "\(moment) ms: \(names)")
      try await place.check(output: "-")
      try await place.succeed(build)
      try await Tool.output("sha256sum", ["-c", "--quiet", "SHA256SUMS"], in: place.folder("out"))
      #expect(try place.folder.read("out/SHA256SUMS") == sums)
      #expect(try !FileTree.names(in: place.folder("out")).contains { $0.hasPrefix(".") })
      #expect(try FileTree.names(in: place.folder("cache/minivm/partial")) == [])
      try await place.check(output: "-")
    }
  }

  @Test("Two at once bring a file once, and both succeed")
  func atOnce() async throws {
    let place = try await Place()
    let server = try TestServer.files(below: place.repository.root, rate: 3_000_000)
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 0..<3 {
        group.addTask {
          var words = place.fetch(server.address)
          words[3] = place.folder("out\(number)")
          try await place.succeed(words)
        }
      }
      try await group.waitForAll()
    }
    #expect(server.requests.filter { $0.target.hasSuffix(".deb") }.count == 1)
    try await place.check(output: "")
  }

  @Test("Without a network: what was fetched once is there, and what was not is missing")
  func offline() async throws {
    let place = try await Place()
    let server = try TestServer.files(below: place.repository.root)
    let nothing = try await Tool.run(
      TestKit.program, place.fetch(server.address, ["--offline"]), environment: place.variables)
    #expect(nothing.status == 3 && nothing.errors.contains("--offline"), "\(nothing.errors)")
    try await place.succeed(place.fetch(server.address))
    let count = server.requests.count
    try await place.succeed(place.fetch(server.address, ["--offline"]))
    #expect(server.requests.count == count)
    // With a network only the lists are asked for again.
    try await place.succeed(place.fetch(server.address))
    #expect(
      server.requests.dropFirst(count).map(\.target) == [
        "/dists/test/InRelease", "/dists/test-updates/InRelease", "/dists/test-updates/Release",
        "/dists/test-security/InRelease", "/dists/test-security/Release",
      ])
    // The list that was kept is checked like one that has just come.
    try await Tool.shell(
      "sed -i s/^Origin:.Test/Origin:.Evil/ lists/*/InRelease", in: place.folder("cache/minivm"))
    let evil = try await Tool.run(
      TestKit.program, place.fetch(server.address, ["--offline"]), environment: place.variables)
    #expect(evil.status == 4 && evil.errors.contains("bad signature"), "\(evil.errors)")
  }

  @Test("A kept list that has expired is refused, unless it is to be taken for a time in the past")
  func expired() async throws {
    let repository = try await SignedRepository()
    let cache = try TemporaryFolder()
    var fields = SignedRepository.Fields(date: repository.now - 3600)
    fields.validUntil = repository.now + 3600
    try await repository.writeRelease(fields)
    try await repository.sign()
    var environment = repository.environment(cache: cache.path)
    func fetch(at: Int? = nil) async throws {
      _ = try await DebianRepository(
        suites: [DebianSuite(mirror: "http://m.invalid", suite: "test")],
        keyrings: [.file(repository.keyring)], at: at, environment: environment
      ).newest(SignedRepository.package, architecture: "amd64")
    }
    try await fetch()
    environment = environment.offline()
    try await fetch()
    let now = repository.now
    environment.clock.now = { now + 7200 }
    let error = await #expect(throws: KitError.self) { try await fetch() }
    #expect(error?.code == .unverified && error?.message.contains("expired on") == true)
    try await fetch(at: repository.now)
  }

  @Test("Through a proxy that the environment names")
  func proxy() async throws {
    let place = try await Place()
    let root = place.repository.root
    let proxy = try TestServer { request in
      guard let path = request.target.split(separator: "http://m.invalid").first,
        let bytes = try? InputFile(root + path.replacing("%2B", with: "+")).readAll(limit: 1 << 30)
      else { return [.send(TestServer.head("404 Not Found", length: 0))] }
      return [.send(TestServer.head("200 OK", length: bytes.count)), .send(bytes)]
    }
    try await Tool.output(
      TestKit.program, place.fetch("http://m.invalid"),
      environment: [
        "XDG_CACHE_HOME": place.folder("cache"), "http_proxy": proxy.address, "no_proxy": "",
      ])
    #expect(proxy.requests.contains { $0.target.hasPrefix("http://m.invalid/pool/") })
  }

  @Test("A mirror's password is sent to it, not where it redirects to, and stands nowhere")
  func password() async throws {
    let place = try await Place(.kernel)
    let files = try TestServer.files(below: place.repository.root)
    let server = try TestServer { request in
      // user:s3cret@word
      guard request.headers.contains("Authorization: Basic dXNlcjpzM2NyZXRAd29yZA==\r\n") else {
        return [.send(TestServer.head("401 Unauthorized", length: 0))]
      }
      return [
        .send(
          TestServer.head("302 Found", length: 0, ["Location: \(files.address)\(request.target)"]))
      ]
    }
    let mirror = server.address.replacing("http://", with: "http://user:s3cret%40word@")
    let result = try await Tool.run(
      TestKit.program, place.build(mirror), environment: place.variables)
    #expect(result.status == 0, "\(result.errors)")
    #expect(!server.requests.isEmpty && server.requests.count == files.requests.count)
    #expect(!files.requests.contains { $0.headers.contains("Authorization") })
    #expect(!(result.output + result.errors).contains("s3cret"))
    let list = try await place.succeed(["cache", "ls"])
    #expect(list.contains("\(server.address) test\n") && !list.contains("s3cret"), "\(list)")
    #expect(try await Tool.shell("grep -rl s3cret . || :", in: place.folder.path) == "")
    let missing = try await Tool.run(
      TestKit.program, place.fetch(mirror.replacing("user:", with: "nobody:")),
      environment: place.variables)
    #expect(missing.status == 1 && missing.errors.contains("status 401"), "\(missing.errors)")
    #expect(!missing.errors.contains("s3cret") && !missing.errors.contains("nobody"))
  }

  @Test(
    "A minivm.yaml of the current folder that chooses mirror or keys is named; the user's own is not"
  )
  func notice() async throws {
    let place = try await Place()
    let server = try TestServer.files(below: place.repository.root)
    let text = "mirror: \(server.address)\nkeyring: \(place.repository.keyring)\nsuite: test\n"
    try place.folder.write("work/minivm.yaml", text.utf8)
    try place.folder.write("config/minivm/minivm.yaml", text.utf8)
    try FileTree.makeDirectories(place.folder("empty"))
    func search(_ more: [String] = [], in folder: String = "work") async throws -> String {
      let result = try await Tool.run(
        TestKit.program, ["search", "--arch", "amd64"] + more, in: place.folder(folder),
        environment: place.variables.merging(["XDG_CONFIG_HOME": place.folder("config")]) { $1 })
      #expect(result.status == 0, "\(result.errors)")
      #expect(!more.contains("--json") || result.output.hasPrefix("{\n  \"kernels\" : ["))
      return result.errors
    }
    let line = "minivm: notice: mirror and keyring as ./minivm.yaml says\n"
    #expect(try await search() == line)
    #expect(
      try await search(["--mirror", server.address]) == line.replacing("mirror and ", with: ""))
    #expect(try await search(["--json"]) == "")
    #expect(try await search(in: "empty") == "")
  }

  @Test("A signed list may say any size")
  func hostileList() async throws {
    let place = try await Place()
    let server = try TestServer.files(below: place.repository.root)
    for size in ["2000000000000000000", "9223372036854775807"] {
      try await Tool.shell(
        "rm -f dists/test/main/binary-amd64/Packages.xz", in: place.repository.root)
      try await place.repository.writeIndex(extra: ["Size": size])
      try await place.repository.writeRelease(
        SignedRepository.Fields(date: place.repository.now - 60))
      try await place.repository.sign()
      for form in [[], ["--json"]] {
        let result = try await Tool.run(
          TestKit.program,
          [
            "search", "--arch", "amd64", "--mirror", server.address, "--suite", "test", "--keyring",
            place.repository.keyring,
          ] + form, environment: place.variables)
        #expect(result.status == 0, "\(size): \(result.errors)")
        #expect(result.output.contains(form.isEmpty ? " GiB" : size), "\(result.output)")
      }
      let fetched = try await Tool.run(
        TestKit.program, place.fetch(server.address), environment: place.variables)
      #expect([1, 4].contains(fetched.status), "\(fetched)")
    }
  }

  @Test("A full disk is a clear error, and the next run goes on")
  func fullDisk() async throws {
    let place = try await Place()
    let server = try TestServer.files(below: place.repository.root)
    // Files end at a megabyte, as they would on a disk without more room.
    let words = place.fetch(server.address).map { "'\($0)'" }.joined(separator: " ")
    let full = try await Tool.run(
      "bash", ["-c", "trap '' XFSZ; ulimit -f 1024; exec '\(TestKit.program)' \(words)"],
      environment: place.variables)
    #expect(full.status == 1 && full.errors.contains("can't be written: File too large"), "\(full)")
    try await place.check(output: "")
    try await place.succeed(place.fetch(server.address))
    try await place.check(output: "kernel+b1.deb")
    #expect(server.requests.last?.offset == 1 << 20)
  }

  @Test("The cache is listed and emptied")
  func cache() async throws {
    let place = try await Place()
    let server = try TestServer.files(below: place.repository.root)
    try await place.succeed(place.fetch(server.address))
    try place.folder.write("cache/minivm/partial/\(String(repeating: "a", count: 64))", [1, 2, 3])
    let hash = try await Tool.shell("sha256sum <pool/kernel+b1.deb", in: place.repository.root)
      .prefix(64)
    let staged = ["lists", "template", "proof", "results", "partial"].map {
      "cache/minivm/\($0)/.minivm-1-1/file"
    }
    for path in staged { try place.folder.write(path, [1]) }
    let list = try await place.succeed(["cache", "ls"]).split(separator: "\n")
    #expect(list.count == 4)
    #expect(list.contains { $0.hasPrefix("file\t2.8 MiB\t\(hash)\tkernel+b1.deb") }, "\(list)")
    #expect(list.contains { $0.hasPrefix("partial\t3 bytes\taaaa") }, "\(list)")
    #expect(list.contains { $0.hasSuffix("\t\(server.address) test") }, "\(list)")
    let json = try await place.succeed(["cache", "ls", "--json"])
    #expect(json.contains("\"sha256\" : \"\(hash)\""), "\(json)")
    let kept = try await place.succeed(["cache", "prune", "--keep-days", "1"])
    #expect(kept == "Nothing to remove\n")
    #expect(try await place.succeed(["cache", "prune"]).hasPrefix("Removed 4 entries, 2.8 MiB"))
    for path in staged { #expect(FileTree.status(place.folder(path)) != nil, "\(path)") }
    #expect(try await place.succeed(["cache", "ls"]) == "")
    #expect(try FileTree.names(in: place.folder("cache/minivm/seen")).count == 1)
  }
}
