import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// What coldplug would load, judged by modprobe. It is the guest's own program that is asked: here it
/// runs as it does there.
@Suite(.enabled(if: Machine.architecture.rawValue == "amd64")) struct ColdplugLookupTests {
  private static let program = "\(TestKit.repository)/Guest/build/coldplug-amd64"

  /// A kernel's modules with their indexes.
  private func oracle(_ package: String) async throws -> (DepmodOracle, ModuleIndex) {
    let oracle = try DepmodOracle.ofPackage(package)
    let index = try ModuleTree(cached: package).index()
    for file in try index.files() { try oracle.write(file.bytes, to: file.name) }
    return (oracle, index)
  }

  /// A text that a pattern matches, as a device might have it.
  private static func example(_ pattern: ArraySlice<UInt8>) -> [UInt8] {
    var text: [UInt8] = []
    var rest = pattern
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "*"): text += Array("0123".utf8)
      case UInt8(ascii: "?"): text.append(UInt8(ascii: "7"))
      case UInt8(ascii: "["):
        text.append(rest.first ?? 0)
        while let inside = rest.popFirst(), inside != UInt8(ascii: "]") {}
      default: text.append(byte)
      }
    }
    return text
  }

  /// Runs both over the same requests.
  private func compare(
    _ oracle: DepmodOracle, _ requests: [String], options: String = "-C /dev/null"
  ) async throws {
    for start in stride(from: 0, to: requests.count, by: 400) {
      let part = requests[start..<min(requests.count, start + 400)]
      let words = part.map { "'\($0.replacing("'", with: "'\\''"))'" }.joined(separator: " ")
      let place = "-d \(oracle.root) -S \(oracle.release)"
      let judge = try await oracle.run(
        "modprobe \(options) \(place) -a -q --show-depends \(words)")
      let own = try await oracle.run("\(Self.program) --show-depends \(place) \(words)")
      #expect(own.status == 0, "\(own.output)")
      func lines(_ text: String) -> [String] {
        text.split(separator: "\n").filter { $0.hasPrefix("insmod ") }.map {
          String($0.reversed().drop { $0 == " " }.reversed())
        }
      }
      let (expected, found) = (lines(judge.output), lines(own.output))
      #expect(!expected.isEmpty)
      // modprobe names a module twice that it comes to on two ways.
      var position = 0
      for (index, line) in expected.enumerated() {
        if position < found.count, found[position] == line {
          position += 1
        } else if !expected[max(0, index - 50)..<index].contains(line) {
          Issue.record("modprobe: \(line), coldplug: \(found.dropFirst(position).first ?? "")")
          return
        }
      }
      #expect(position == found.count)
    }
  }

  @Test("Every alias and every name of a kernel", arguments: ["cloud", "cloud-6.12", "full"])
  func everyAlias(_ package: String) async throws {
    let (oracle, index) = try await oracle(package)
    var requests: [String] = []
    for module in index.modules {
      for alias in module.facts.values(of: "alias") {
        requests.append(String(decoding: Self.example(alias), as: UTF8.self))
      }
    }
    // The whole Debian kernel has tens of thousands.
    let step = package == "full" ? 5 : 1
    requests = stride(from: 0, to: requests.count, by: step).map { requests[$0] }
    try await compare(oracle, requests)
    try await compare(oracle, index.modules.map(\.name))
  }

  @Test("Lines of etc/modprobe.d")
  func configuration() async throws {
    let (oracle, _) = try await oracle("cloud")
    try oracle.write(
      Array(
        """
        options ext4 a=1 b="x y"
        options virtio-blk num=3
        options virtio_blk more
        blacklist virtio_net
        blacklist jbd2
        alias my-own-name ext4
        alias pci:v00001AF4d00001001* dummy
        softdep dummy pre: loop post: tun
        softdep tun pre: dummy
        install nvme /bin/false
        alias of-a-pattern-* veth
        options of_a_pattern_* pattern=1
        options of_a_pattern_2 asked=1
        options virtio:d00000002v* pattern=1
        options virtio:d00000002v00001AF4 device=1
        softdep vet* pre: ifb
        softdep veth pre: tun
        install nbd* /bin/false
        """.utf8), to: "/etc/modprobe.d/b.conf")
    // modules.softdep stands between these two.
    try oracle.write(Array("softdep btrfs pre: loop".utf8), to: "/etc/modprobe.d/b2.conf")
    try oracle.write(
      Array("softdep xts pre: loop\nsoftdep btrfs pre: tun".utf8), to: "/etc/modprobe.d/zz.conf")
    try oracle.write(Array("options ext4 hidden=1".utf8), to: "/etc/modprobe.d/.h.conf")
    try oracle.write(Array("options ext4 of_aliases=1".utf8), to: "/etc/modprobe.d/x.alias")
    try oracle.write(Array("options ext4 first=1".utf8), to: "/etc/modprobe.d/a.conf")
    try oracle.write(Array("options ext4 not=read".utf8), to: "/etc/modprobe.d/c.conf.old")
    try await compare(
      oracle,
      [
        "ext4", "virtio_blk", "virtio:d00000002v00001AF4", "virtio:d00000001v00001AF4",
        "virtio_net",
        "my-own-name", "my_own_name", "pci:v00001AF4d00001001sv0", "dummy", "tun", "jbd2",
        "of-a-pattern-2", "veth", "btrfs", "xts", "nbd",
      ], options: "-C \(oracle.root)/etc/modprobe.d")
    // Its install line keeps it away.
    let result = try await Tool.run(
      Self.program, ["--show-depends", "-d", oracle.root, "-S", "\(oracle.release)", "nvme"])
    #expect(result.output == "")
  }

  @Test("Absolute paths of modules.dep are left as they are")
  func absolutePaths() async throws {
    let (oracle, index) = try await oracle("cloud")
    var bytes = try #require(try index.files().first { $0.name == "modules.dep.bin" }).bytes
    // As long as before, so that the index's offsets stay true.
    for (path, absolute) in [
      ("kernel/drivers/net/dummy.ko", "/opt/a/vendor/name/dummy.ko"),
      ("kernel/net/core/failover.ko", "/opt/a/vendor/n/failover.ko"),
    ] {
      #expect(path.count == absolute.count)
      var place = 0
      while place + path.utf8.count <= bytes.count {
        if bytes[place..<place + path.utf8.count].elementsEqual(path.utf8) {
          bytes.replaceSubrange(place..<place + path.utf8.count, with: absolute.utf8)
        }
        place += 1
      }
    }
    try oracle.write(bytes, to: "modules.dep.bin")
    try await compare(oracle, ["dummy"])
    // kmod wants needed modules to be there; those of a guest are.
    let result = try await oracle.run(
      "\(Self.program) --show-depends -d \(oracle.root) -S \(oracle.release) virtio_net")
    #expect(result.output.contains("insmod /opt/a/vendor/n/failover.ko"))
  }

  @Test("Damaged indexes: an answer, and no trap")
  func damaged() async throws {
    let (_, index) = try await oracle("cloud")
    let files = try index.files()
    var random = SeededGenerator(seed: 44)
    let requests = [
      "ext4", "pci:v00001AF4d00001001sv00001AF4sd00000002bc01sc00i00", "virtio:d00000002v00001AF4",
      "", "acpi*:", "usb:v0000p0000d0000dc00dsc00dp00ic08isc06ip50in00",
    ].map { Array($0.utf8) }
    for name in ["modules.alias.bin", "modules.dep.bin", "modules.builtin.bin"] {
      let original = try #require(files.first { $0.name == name }).bytes
      for round in 0..<60 {
        var bytes = original
        // Most changes hit nodes that a search does not pass: those near the root matter.
        for _ in 0..<200 {
          let place =
            Bool.random(using: &random)
            ? Int.random(in: 0..<bytes.count, using: &random)
            : bytes.count - 1 - Int.random(in: 0..<3000, using: &random)
          bytes[place] = UInt8.random(in: 0...255, using: &random)
        }
        if round % 4 == 0 { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &random)) }
        for request in requests {
          _ = IndexTrieReader.values(of: request, in: bytes.span)
          _ = IndexTrieReader.matches(request, in: bytes.span)
        }
      }
    }
  }

  @Test("A node that is its own child ends")
  func circle() {
    // Magic, version, root: a node with one child, `*`, which is the node itself.
    var bytes: [UInt8] = [0xb0, 0x07, 0xf4, 0x57, 0, 2, 0, 1, 0x20, 0, 0, 12]
    bytes += [0x2a, 0x2a, 0x20, 0, 0, 12]
    #expect(IndexTrieReader.matches([1, 2], in: bytes.span).isEmpty)
    bytes[12] = 0x61
    bytes[13] = 0x61
    let text = [UInt8](repeating: 0x61, count: 100_000)
    #expect(IndexTrieReader.values(of: text, in: bytes.span).isEmpty)
    #expect(IndexTrieReader.matches(text, in: bytes.span).isEmpty)
  }
}
