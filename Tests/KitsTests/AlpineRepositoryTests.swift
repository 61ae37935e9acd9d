import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The way from a key over a signed index to Alpine's busybox: what is right is taken, and all else is
/// refused.
@Suite struct AlpineRepositoryTests {
  /// A mirror that is wrong in one way.
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    /// A part of the message.
    var message: String
    var code = KitError.Code.unverified
    var script: String

    init(
      _ name: String, _ message: String, code: KitError.Code = .unverified, _ script: String
    ) {
      testDescription = name
      self.message = message
      self.code = code
      self.script = script
    }
  }

  static let index = "$branch/APKINDEX.tar.gz"

  static let faults = [
    Fault("an unsigned index", "is not signed", "cp index.tar.gz \(index)"),
    Fault("an unknown key", "no such key is in", "publish other RSA sha1"),
    Fault(
      "another key under the known one's name", "bad signature",
      "rm test.pem; mv other.pem test.pem; publish test RSA sha1"),
    Fault(
      "a key name that leads elsewhere", "leads out of the archive",
      """
      cp keys/test.rsa.pub .; printf x >.SIGN.RSA.test
      tar --format=ustar -b1 -P --transform 's,.*,.SIGN.RSA./../../test.rsa.pub,' -cf - .SIGN.RSA.test | head -c -1024 | gzip -n >s
      cat s index.tar.gz >\(index)
      """),
    Fault(
      "a method that nobody knows", "no usable RSA signature", "publish test DSA sha1"),
    Fault(
      "a bad strong signature beside a good weak one", "bad signature",
      """
      openssl dgst -sha1 -sign test.pem -out .SIGN.RSA.test.rsa.pub index.tar.gz
      openssl dgst -sha256 -sign other.pem -out .SIGN.RSA256.test.rsa.pub index.tar.gz
      segment .SIGN.RSA.test.rsa.pub .SIGN.RSA256.test.rsa.pub >s; cat s index.tar.gz >\(index)
      """),
    Fault(
      "a changed index", "bad signature",
      """
      sed -i s/T:Static/T:Statik/ APKINDEX
      tar --format=ustar -cf - DESCRIPTION APKINDEX | gzip -n >changed
      signed test RSA sha1 index.tar.gz >s; cat s changed >\(index)
      """),
    Fault("an index with something after it", "bad signature", "gzip -nc APKINDEX >>\(index)"),
    Fault("a shortened index", "bad signature", "truncate -s -5 \(index)"),
    Fault("an index that ends early", "the compressed data ends early", "truncate -s 100 \(index)"),
    Fault("a captive portal", "is a web page", "echo '<html>log in' >\(index)"),
    Fault(
      "an index without a list", "no file APKINDEX",
      "segment DESCRIPTION >index.tar.gz; publish test RSA sha1"),
    Fault(
      "a changed package", "its data has SHA-256",
      "printf X | dd of=$(echo $branch/*.apk) bs=1 seek=5000 conv=notrunc 2>/dev/null"),
    Fault(
      "another package under that name, of the same size", "its control member has checksum",
      """
      size=$(stat -c %s $branch/*.apk)
      head -c 100000 /dev/zero >data/bin/x; tar -C data -cf - bin | gzip -1n >data.tar.gz
      control; signed test RSA256 sha256 control.tar.gz >s
      package s control.tar.gz data.tar.gz
      SIZE=$(stat -c %s $branch/*.apk) SUM=Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA= index; publish test RSA sha1
      """),
    Fault(
      "a larger package", "is larger than the 9 bytes", "SIZE=9 index; publish test RSA sha1"),
    Fault(
      "a smaller package", "of the 99999999 bytes that the archive states", code: .invalid,
      "SIZE=99999999 index; publish test RSA sha1"),
    Fault(
      "a wrong datahash, signed and in the index", "(.PKGINFO: 0123",
      """
      HASH=0123 control; signed test RSA256 sha256 control.tar.gz >s
      package s control.tar.gz data.tar.gz; index; publish test RSA sha1
      """),
    Fault(
      "no datahash", "lacks pkgname, pkgver, arch or datahash",
      """
      control; sed -i /datahash/d .PKGINFO; segment .PKGINFO >control.tar.gz
      signed test RSA256 sha256 control.tar.gz >s
      package s control.tar.gz data.tar.gz; index; publish test RSA sha1
      """),
    Fault(
      "another version than the index says", "(index: busybox-static 1.37.0-r0",
      """
      mv $branch/busybox-static-1.36.1-r29.apk $branch/busybox-static-1.37.0-r0.apk
      VERSION=1.37.0-r0 index; publish test RSA sha1
      """),
    Fault(
      "another architecture than the index says", "(index: ",
      "ARCH=noarch index; publish test RSA sha1"),
    Fault(
      "an unsigned package", "29.apk: is not signed",
      "package control.tar.gz data.tar.gz; index; publish test RSA sha1"),
    Fault(
      "a package signed by nobody known", "29.apk: is signed with “other.rsa.pub”",
      """
      signed other RSA256 sha256 control.tar.gz >s
      package s control.tar.gz data.tar.gz; index; publish test RSA sha1
      """),
    Fault(
      "a package with the signature of something else", "29.apk: bad signature by",
      """
      signed test RSA256 sha256 data.tar.gz >s
      package s control.tar.gz data.tar.gz; index; publish test RSA sha1
      """),
    Fault(
      "files in the control member", "the control member holds “data/bin/busybox.static”",
      """
      segment .PKGINFO data/bin/busybox.static >control.tar.gz
      signed test RSA256 sha256 control.tar.gz >s
      package s control.tar.gz data.tar.gz; index; publish test RSA sha1
      """),
    Fault(
      "a package of version 3", "of version 3", code: .invalid,
      "printf 'ADBd12345' >x; package x; index; publish test RSA sha1"),
    Fault(
      "a package of no such name", "has no package busybox-static", code: .missing,
      "NAME=busybox index; publish test RSA sha1"),
    Fault(
      "a package that is in the index only", "no such file", code: .missing, "rm $branch/*.apk"),
  ]

  @Test("What is signed is taken, and the note says where it came from")
  func sound() async throws {
    let mirror = try await AlpineMirror()
    let provided = try TemplateTool.busybox.read(mirror.repository(), architecture: "amd64")
    #expect(provided.program.bytes == (try InputFile(busyboxPath()).readAll(limit: 1 << 26)))
    #expect(provided.note.package == "busybox-static" && provided.note.version == "1.36.1-r29")
    #expect(
      provided.note.origin
        == "http://m.invalid/v3.20/main/x86_64/busybox-static-1.36.1-r29.apk")
    #expect(provided.note.signedBy == "test.rsa.pub")
    let sum = try await Tool.output("sha256sum", [mirror.package]).prefix(64)
    #expect(provided.note.packageSHA256 == String(sum))
  }

  @Test(
    "All of Alpine's methods of signing",
    arguments: [("RSA", "sha1"), ("RSA256", "sha256"), ("RSA512", "sha512")])
  func methods(_ method: String, _ digest: String) async throws {
    let mirror = try await AlpineMirror()
    try await mirror.run(
      """
      signed test \(method) \(digest) control.tar.gz >s
      package s control.tar.gz data.tar.gz; index; publish test \(method) \(digest)
      """)
    let provided = try TemplateTool.busybox.read(mirror.repository(), architecture: "amd64")
    #expect(provided.note.signedBy == "test.rsa.pub")
  }

  @Test("The newest version of the architecture is taken")
  func newest() async throws {
    let mirror = try await AlpineMirror()
    try await mirror.run(
      """
      { VERSION=1.36.1-r3 record; record; VERSION=1.37.0_rc1-r0 NAME=busybox record
        VERSION=1.9-r0 SIZE=1 record; VERSION=2.0-r0 ARCH=x86 record
        VERSION=3.0-r0 SUM=Q2abc record; VERSION=4.x record; VERSION=../../5 record; } >APKINDEX
      tar --format=ustar -cf - DESCRIPTION APKINDEX | gzip -n >index.tar.gz; publish test RSA256 sha256
      """)
    let provided = try TemplateTool.busybox.read(mirror.repository(), architecture: "amd64")
    #expect(provided.note.version == "1.36.1-r29")
  }

  @Test("Refused, each with its own message", arguments: faults)
  func refused(_ fault: Fault) async throws {
    let mirror = try await AlpineMirror()
    try await mirror.run(fault.script)
    let error = #expect(throws: (any Error).self) {
      try TemplateTool.busybox.read(mirror.repository(), architecture: "amd64")
    }
    let text = error.map { "\($0)" } ?? ""
    #expect(text.contains(fault.message), "\(text)")
    #expect((error as? KitError)?.code == fault.code, "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test("What can't be asked for, and keys that are none")
  func usage() async throws {
    let mirror = try await AlpineMirror()
    func code(_ body: () throws -> Void) -> KitError.Code? {
      (#expect(throws: KitError.self) { try body() })?.code
    }
    let repository = try mirror.repository()
    #expect(code { _ = try TemplateTool.e2fsck.read(repository, architecture: "amd64") } == .usage)
    #expect(code { _ = try TemplateTool.busybox.read(repository, architecture: "alpha") } == .usage)
    #expect(
      code { _ = try TemplateTool.busybox.read(repository, architecture: "arm64") } == .missing)
    let older = try mirror.repository(branch: "v2.0")
    #expect(code { _ = try TemplateTool.busybox.read(older, architecture: "amd64") } == .missing)
    #expect(code { _ = try AlpineKeys(folder: mirror.folder("none")) } == .missing)
    for key in ["not a key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"] {
      try mirror.folder.write("keys/test.rsa.pub", key.utf8)
      #expect(
        code { _ = try TemplateTool.busybox.read(repository, architecture: "amd64") } == .invalid)
    }
    try await mirror.run(
      "openssl genrsa 1024 2>/dev/null | openssl rsa -pubout -out keys/test.rsa.pub 2>/dev/null")
    #expect(
      code { _ = try TemplateTool.busybox.read(repository, architecture: "amd64") } == .invalid)
  }

  @Test("An index without end is given up")
  func endless() async throws {
    let mirror = try await AlpineMirror()
    var environment = mirror.environment
    let piece = [UInt8](repeating: 0x1f, count: 1 << 20)
    environment.network.get = { _, receive in
      for number in 0... { try receive(piece, number * piece.count) }
    }
    let error = #expect(throws: KitError.self) {
      try TemplateTool.busybox.read(
        mirror.repository(environment: environment), architecture: "amd64")
    }
    #expect(error?.code == .unverified && error?.message.contains("is larger than") == true)
  }

  @Test("Whatever becomes of the bytes on the way: refused, or the very same program")
  func mutations() async throws {
    let mirror = try await AlpineMirror()
    let expected = try TemplateTool.busybox.read(mirror.repository(), architecture: "amd64").note
      .sha256
    let files = try [
      "APKINDEX.tar.gz": InputFile(
        mirror.folder("\(AlpineMirror.branch)/APKINDEX.tar.gz")
      ).readAll(limit: 1 << 26),
      "29.apk": InputFile(mirror.package).readAll(limit: 1 << 26),
    ]
    var generator = SeededGenerator(seed: 20)
    var refused = 0
    for round in 0..<400 {
      let target = round % 2 == 0 ? "APKINDEX.tar.gz" : "29.apk"
      // Where the structure is: most of a package is data, which one hash covers.
      var mutated = files[target, default: []]
      let place = Int.random(in: 0..<min(mutated.count, 1400), using: &generator)
      switch Int.random(in: 0..<4, using: &generator) {
      case 0: mutated.removeSubrange(place...)
      case 1: mutated.insert(UInt8.random(in: 0...255, using: &generator), at: place)
      case 2: mutated.remove(at: place)
      default: mutated[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
      }
      var environment = mirror.environment
      environment.cache.folder = mirror.folder("cache-\(round)")
      defer { FileTree.remove(environment.cache.folder) }
      environment.network.get = { [mutated] request, receive in
        let name = request.url.hasSuffix("29.apk") ? "29.apk" : "APKINDEX.tar.gz"
        try receive(name == target ? mutated : files[name, default: []], 0)
      }
      do {
        let provided = try TemplateTool.busybox.read(
          mirror.repository(environment: environment), architecture: "amd64")
        #expect(provided.note.sha256 == expected)
      } catch let error as KitError {
        // A shorter one is a transfer that broke off.
        let isShort = mutated.count < files[target, default: []].count && error.code == .invalid
        #expect(error.code == .unverified || isShort, "\(error)")
        refused += 1
      }
    }
    #expect(refused > 350)
  }
}
