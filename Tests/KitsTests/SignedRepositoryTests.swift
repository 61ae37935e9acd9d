import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The way from a key to a package: what is right is taken, and all else is refused, as apt does.
@Suite struct SignedRepositoryTests {
  /// A repository that is wrong in one way.
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// A part of the message.
    var message: String
    /// Whether apt refuses it as well. Where it does not, we are stricter, and say why.
    var isRefusedByApt = true
    var make: @Sendable (SignedRepository) async throws -> Void

    init(
      _ name: String, _ message: String, isRefusedByApt: Bool = true,
      make: @escaping @Sendable (SignedRepository) async throws -> Void
    ) {
      testDescription = name
      self.message = message
      self.isRefusedByApt = isRefusedByApt
      self.make = make
    }

    static func script(
      _ name: String, _ message: String, isRefusedByApt: Bool = true, _ script: String
    ) -> Fault {
      Fault(name, message, isRefusedByApt: isRefusedByApt) { repository in
        try await Tool.shell(script, in: repository.suiteFolder)
      }
    }
  }

  static let faults: [Fault] = [
    .script("unsigned", "not signed", "rm InRelease"),
    .script("not a message", "no signed message", "cp Release InRelease"),
    Fault("unknown key", "not in the keyring") { try await $0.sign(home: "other") },
    Fault("SHA-1", "insecure digest") { try await $0.sign(digest: "SHA1") },
    .script(
      "changed text", "bad signature", "sed -i 's/^Origin: Test/Origin: Evil/' InRelease"),
    .script(
      "text before", "no signed message",
      "sed -i '1i Origin: Evil' InRelease"),
    .script("text after", "after the signed message", "echo 'Origin: Evil' >>InRelease"),
    .script(
      "two messages", "after the signed message", "cat InRelease InRelease >x; mv x InRelease"),
    .script("unclosed", "not closed", "sed -i '/END PGP SIGNATURE/d' InRelease"),
    .script(
      "Release.gpg with a text of its own", "no readable signature",
      """
      echo good >../text; gpg --homedir ../../../gpg --batch --quiet --sign -o Release.gpg ../text
      rm InRelease
      """),
    .script(
      "a key that has expired", "has expired",
      """
      cd ../../..
      gpg="gpg --homedir gpg --batch --quiet --faked-system-time"
      $gpg 20200101T000000 --passphrase '' --quick-gen-key old rsa2048 sign 1d 2>/dev/null
      gpg --homedir gpg --export >keyring.gpg
      cd repository/dists/test; rm InRelease
      gpg --homedir ../../../gpg --batch --quiet --faked-system-time 20200101T010000 -u old \\
        --clearsign -o InRelease Release
      """),
    .script(
      "a key that was revoked", "was revoked",
      """
      cd ../../..
      sed -i s/^:---/---/ gpg/openpgp-revocs.d/*.rev
      gpg --homedir gpg --batch --quiet --import gpg/openpgp-revocs.d/*.rev 2>/dev/null
      gpg --homedir gpg --export >keyring.gpg
      """),
    .script(
      "another header", "header other than Hash", isRefusedByApt: false,
      "sed -i '2i Comment: x' InRelease"),
    Fault("two paragraphs", "2 paragraphs", isRefusedByApt: false) { repository in
      try await Tool.shell("printf '\\nOrigin: Evil\\n' >>Release", in: repository.suiteFolder)
      try await repository.sign()
    },
    Fault("expired", "expired on") { repository in
      var fields = SignedRepository.Fields(date: repository.now - 100_000)
      fields.validUntil = repository.now - 5000
      try await repository.writeRelease(fields)
      try await repository.sign()
    },
    Fault("from the future", "in the future") { repository in
      try await repository.writeRelease(.init(date: repository.now + 100_000))
      try await repository.sign()
    },
    .script(
      "a signature that has expired", "signature of key",
      """
      cd ../../..; rm repository/dists/test/InRelease
      gpg="gpg --homedir gpg --batch --quiet --faked-system-time"
      $gpg 20200101T000000 --passphrase '' --quick-gen-key old rsa2048 sign never 2>/dev/null
      gpg --homedir gpg --export >keyring.gpg
      cd repository/dists/test
      gpg --homedir ../../../gpg --batch --quiet --faked-system-time 20200101T010000 -u old \\
        --default-sig-expire 1d --clearsign -o InRelease Release
      """),
    Fault("another suite", "is the list of", isRefusedByApt: false) { repository in
      var fields = SignedRepository.Fields(date: repository.now)
      fields.suite = "other"
      fields.codename = "other"
      try await repository.writeRelease(fields)
      try await repository.sign()
    },
    Fault("only weak hashes", "only insecure hashes") { repository in
      var fields = SignedRepository.Fields(date: repository.now)
      fields.hashes = ["MD5Sum": "md5sum", "SHA1": "sha1sum"]
      try await repository.writeRelease(fields)
      try await repository.sign()
    },
    .script(
      "another index", "the archive states",
      "cd main/binary-amd64; sed -i s/^Description:.x/Description:.y/ Packages; xz -kf Packages"),
    Fault("another package", "the archive states") { repository in
      try await Tool.shell("printf x >>pool/kernel+b1.deb", in: repository.root)
    },
    Fault("a package with other bytes", "the archive states") { repository in
      try await Tool.shell(
        "printf X | dd of=pool/kernel+b1.deb bs=1 seek=200 conv=notrunc 2>/dev/null",
        in: repository.root)
    },
    // Where apt only warns, or does not look, we refuse.
    Fault("a package with another version", "(index: ", isRefusedByApt: false) {
      try await $0.writeIndex(extra: ["Version": "2.0"])
      try await $0.writeRelease(.init(date: $0.now))
      try await $0.sign()
    },
  ]

  @Test(
    "What is signed and current is taken, by apt too, with either tool",
    arguments: SignatureTool.allCases)
  func sound(_ tool: SignatureTool) async throws {
    let repository = try await SignedRepository()
    let cache = try TemporaryFolder()
    let found = try await repository.repository(cache: cache.path, tool: tool).kernelPackages(
      SignedRepository.package, architecture: "amd64")
    #expect(found.map(\.package.version.description) == ["1.0+b1"])
    #expect(found[0].package.origin.release.fingerprints.count == 1)
    #expect(try await repository.isTakenByApt())
    // What came is kept: without the pool, the same again.
    try await Tool.shell("rm -r pool dists/test/main", in: repository.root)
    let again = try await repository.repository(cache: cache.path).kernelPackages(
      SignedRepository.package, architecture: "amd64")
    #expect(again.map(\.archive.path) == found.map(\.archive.path))
  }

  @Test(
    "Which key vouches: a subkey signs, and the primary key is what is trusted and published",
    arguments: SignatureTool.allCases)
  func subkey(_ tool: SignatureTool) async throws {
    let repository = try await SignedRepository()
    let cache = try TemporaryFolder()
    let list =
      "gpg --homedir gpg --with-colons --list-keys | sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p'"
    let primary = try await Tool.shell(list, in: repository.folder.path).filter { !$0.isNewline }
    try await Tool.shell(
      """
      gpg --homedir gpg --batch --quiet --passphrase '' --quick-add-key \(primary) rsa2048 sign never
      gpg --homedir gpg --export >keyring.gpg
      """, in: repository.folder.path)
    let keys = try await Tool.shell(list, in: repository.folder.path).split(separator: "\n")
    try #require(keys.count == 2 && keys[0] == primary)
    // Somebody else's signature beside it neither helps nor harms.
    try await Tool.shell(
      """
      gpg --homedir gpg --batch -q -a -b -o mine Release; gpg --homedir other --batch -q -a -b -o others Release
      """.replacing("--homedir ", with: "--homedir ../../../"), in: repository.suiteFolder)
    try await Tool.shell(
      """
      gpg --dearmor <others >both; gpg --dearmor <mine >>both; mv both Release.gpg; rm InRelease
      """, in: repository.suiteFolder)
    let found = try await repository.repository(cache: cache.path, tool: tool).kernelPackages(
      SignedRepository.package, architecture: "amd64")
    let release = found[0].package.origin.release
    #expect(release.fingerprints == [primary])
    #expect(release.signingKeys == [String(keys[1])])
    let manifest = String(decoding: try JSON.encode(Manifest.Input(found[0])), as: UTF8.self)
    #expect(manifest.contains(primary) && manifest.contains(keys[1]))
  }

  @Test(
    "Signed-By with fingerprints: who counts for apt counts, by file and by key",
    arguments: SignatureTool.allCases)
  func fingerprints(_ tool: SignatureTool) async throws {
    let repository = try await SignedRepository()
    let root = try TemporaryFolder()
    try FileTree.makeDirectories(root("etc/apt/trusted.gpg.d"))
    let list =
      "gpg --homedir \(repository.folder("gpg")) --with-colons --list-keys | sed -n 's/^fpr:*\\([0-9A-F]*\\):/\\1/p'"
    let primary = try await Tool.shell(list, in: "/").filter { !$0.isNewline }
    try await Tool.shell(
      """
      gpg --homedir gpg --batch --quiet --passphrase '' --quick-add-key \(primary) rsa2048 sign never
      gpg --homedir gpg --export >keyring.gpg; cp keyring.gpg \(root("etc/apt/trusted.gpg.d"))
      """, in: repository.folder.path)
    try await repository.sign()
    let subkey = try await Tool.shell(list, in: "/").split(separator: "\n").map(String.init)[1]
    let (file, other) = (repository.keyring, String(repeating: "0123456789", count: 4))
    let cases = [
      (primary, true), (subkey, true), ("\(primary.lowercased())", true), ("\(subkey)!", true),
      ("\(primary)!", false), (other, false), ("\(other),\(primary)", true),
      ("\(file),\(primary)", true), ("\(file),\(other)", false), ("relative.gpg", false),
      (String(primary.suffix(16)), false),
    ]
    for (signedBy, isTaken) in cases {
      try root.write(
        "etc/apt/sources.list", "deb [signed-by=\(signedBy)] http://m.invalid test main\n".utf8)
      try root.write("etc/os-release", "VERSION_CODENAME=test\n".utf8)
      let cache = try TemporaryFolder()
      func find() async throws {
        var environment = repository.environment(cache: cache.path)
        environment.signatureTool = tool
        _ = try await DebianRepository(
          suites: AptSources.system(root: root.path).chosen(suite: nil), environment: environment
        ).newest(SignedRepository.package, architecture: "amd64")
      }
      if isTaken {
        try await find()
      } else {
        let error = await #expect(throws: KitError.self, "\(signedBy)") { try await find() }
        #expect(error?.code == .unverified, "\(signedBy)")
        #expect(error?.message.contains("not one that Signed-By names") == true, "\(error!)")
      }
      let trusted = root("etc/apt/trusted.gpg.d")
      #expect(
        try await repository.isTakenByApt(signedBy: signedBy, trusted: trusted) == isTaken,
        "\(signedBy)")
    }
  }

  @Test(
    "An index in each form that a mirror may have",
    arguments: [
      "xz -kf Packages", "zstd -q Packages; rm Packages.xz", "gzip -k Packages; rm Packages.xz",
      "rm Packages.xz",
    ])
  func indexForms(_ script: String) async throws {
    let repository = try await SignedRepository()
    let cache = try TemporaryFolder()
    let index = "\(repository.suiteFolder)/main/binary-amd64"
    try await Tool.shell(script, in: index)
    try await repository.writeRelease(.init(date: repository.now - 60))
    try await repository.sign()
    let found = try await repository.repository(cache: cache.path).kernelPackages(
      SignedRepository.package, architecture: "amd64")
    #expect(found.count == 1)
    #expect(try await repository.isTakenByApt())
  }

  @Test("A detached signature, and indexes by their hashes", arguments: SignatureTool.allCases)
  func otherForms(_ tool: SignatureTool) async throws {
    let repository = try await SignedRepository()
    let cache = try TemporaryFolder()
    try await Tool.shell(
      """
      echo 'Acquire-By-Hash: yes' >x; cat Release >>x; mv x Release; rm InRelease
      gpg --homedir \(repository.folder("gpg")) --batch --quiet --armor --digest-algo SHA512 --detach-sign -o Release.gpg Release
      cd main/binary-amd64; mkdir -p by-hash/SHA256; mv Packages.xz by-hash/SHA256/$(sha256sum <Packages.xz | cut -d' ' -f1)
      """, in: repository.suiteFolder)
    let found = try await repository.repository(cache: cache.path, tool: tool).kernelPackages(
      SignedRepository.package, version: "1.0+b1", architecture: "amd64")
    #expect(found.count == 1)
  }

  @Test(
    "Refused, each with its own message, and nothing of it is kept", arguments: faults,
    SignatureTool.allCases)
  func refused(_ fault: Fault, _ tool: SignatureTool) async throws {
    let repository = try await SignedRepository()
    try await fault.make(repository)
    let cache = try TemporaryFolder()
    let error = await #expect(throws: (any Error).self) {
      _ = try await repository.repository(cache: cache.path, tool: tool).kernelPackages(
        SignedRepository.package, architecture: "amd64")
    }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains(fault.message), "\(text)")
    #expect((error as? KitError)?.code == .unverified, "\(text)")
    let kept = try await Tool.shell("find . -name '*.deb'", in: cache.path)
    #expect(kept.isEmpty || fault.message == "(index: ")
    #expect(try await repository.isTakenByApt() == !fault.isRefusedByApt)
  }

  @Test(
    "What an index says is no path and no command for a terminal",
    arguments: [
      ["SHA256": String(repeating: "../", count: 21) + "x"], ["Version": "\u{1b}[2J"],
      ["Filename": "../../x.deb"], ["Filename": "\u{1b}.deb"], ["Architecture": "a b"],
    ])
  func hostileIndex(_ fields: [String: String]) async throws {
    let repository = try await SignedRepository()
    try await repository.writeIndex(extra: fields)
    try await repository.writeRelease(.init(date: repository.now))
    try await repository.sign()
    let cache = try TemporaryFolder()
    await #expect(throws: FormatError.self) {
      _ = try await repository.repository(cache: cache("kept/here")).kernelPackages(
        SignedRepository.package, architecture: "amd64")
    }
    #expect(try FileTree.names(in: cache.path) == ["kept"])
  }

  @Test("Another Origin, Label or Codename is refused until it is accepted, as by apt")
  func changedNames() async throws {
    let repository = try await SignedRepository()
    let cache = try TemporaryFolder()
    func fetch(accepting: Bool = false, suite: String = "test") async throws {
      _ = try await DebianRepository(
        suites: [DebianSuite(mirror: "http://m.invalid", suite: suite)],
        keyrings: [.file(repository.keyring)], acceptsChanges: accepting,
        environment: repository.environment(cache: cache.path)
      ).kernelPackages(SignedRepository.package, architecture: "amd64")
    }
    func release(_ date: Int, _ change: (inout SignedRepository.Fields) -> Void) async throws {
      var fields = SignedRepository.Fields(date: repository.now - date)
      change(&fields)
      try await repository.writeRelease(fields)
      try await repository.sign()
    }
    // A note of an earlier version has the date alone.
    try await fetch()
    let note = try #require(try FileTree.names(in: cache("seen")).first)
    try cache.write("seen/\(note)", "\(repository.now - 3600)\n".utf8)
    try await fetch()
    // A role that goes on to another release: stable is the next one.
    try await release(3000) { $0.codename = "next" }
    let moved = await #expect(throws: KitError.self) { try await fetch() }
    #expect(moved?.code == .unverified)
    #expect(moved?.message.hasSuffix("changed its Codename from “test” to “next”") == true)
    #expect(moved?.advice?.contains("--allow-releaseinfo-change") == true)
    try await fetch(accepting: true)
    try await fetch()
    try await release(2000) { ($0.codename, $0.origin) = ("next", "Evil") }
    let other = await #expect(throws: KitError.self) { try await fetch() }
    #expect(other?.message.hasSuffix("changed its Origin from “Test” to “Evil”") == true)
    // A release that gets another role is still that release.
    try await release(1000) { ($0.codename, $0.suite) = ("next", "test") }
    try await fetch()
  }

  @Test("A list that is older than the last one is refused, and taken for a time in the past")
  func rollback() async throws {
    let repository = try await SignedRepository()
    let cache = try TemporaryFolder()
    func fetch(at: Int? = nil) async throws {
      _ = try await repository.repository(cache: cache.path, at: at).kernelPackages(
        SignedRepository.package, architecture: "amd64")
    }
    try await fetch()
    try await repository.writeRelease(.init(date: repository.now - 7200))
    try await repository.sign()
    let error = await #expect(throws: KitError.self) { try await fetch() }
    #expect(
      error?.code == .unverified && error?.message.contains("older than the last one seen") == true)
    try await fetch(at: repository.now - 7000)
  }
}
