import Formats
import TestSupport
import Testing

/// modprobe.d's lines, the kernel's command line, and the kernel's messages.
@Suite struct ModprobeConfigurationTests {
  private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

  @Test func lines() {
    var configuration = ModprobeConfiguration()
    configuration.add(
      file: bytes(
        """
        # options ext4 no=1
          options\tdummy-net numdummies=3  debug=1\u{20}
        options other \\
          a=1 \\
          b="two words"
        blacklist evil-one
        alias pci:v*d[0-9]-sv* my-driver
        alias broken] x
        install never /bin/false
        install kept /sbin/modprobe --ignore-install kept; echo done
        softdep a pre: b-1 c post: d
        softdep e post: f
        options
        nonsense line here
        options last x=1
        """))
    func options(_ name: String) -> String {
      String(decoding: configuration.options(of: bytes(name)), as: UTF8.self)
    }
    #expect(options("dummy_net") == "numdummies=3  debug=1")
    #expect(options("other").split(separator: " ") == ["a=1", "b=\"two", "words\""])
    #expect(options("last") == "x=1")
    #expect(options("ext4") == "")
    #expect(configuration.isBlacklisted(bytes("evil_one")))
    #expect(!configuration.isForbidden(bytes("evil_one")))
    #expect(configuration.aliases.count == 1)
    #expect(configuration.aliases.first?.module == bytes("my_driver"))
    #expect(configuration.command(for: bytes("never")) == bytes("/bin/false"))
    #expect(configuration.command(for: bytes("other")) == nil)
    let soft = configuration.softDependency(of: bytes("a"))
    #expect(soft?.before == [bytes("b_1"), bytes("c")])
    #expect(soft?.after == [bytes("d")])
    #expect(configuration.softDependency(of: bytes("e"))?.before == [])
  }

  @Test("The command line's options come last; what follows -- is not the kernel's")
  func commandLine() {
    var configuration = ModprobeConfiguration()
    configuration.add(file: bytes("options snd-hda a=1"))
    configuration.add(
      commandLine: bytes(
        """
        root=/dev/sda modprobe.blacklist=one,two-2 snd_hda.a=2 snd-hda.flag "snd-hda.text=two words"
        module_blacklist=three .x=1 y.=1 quiet modprobe.blacklist=,four, -- snd_hda.b=3
        """))
    let options = configuration.options(of: bytes("snd_hda"))
    #expect(options == bytes("a=1 a=2 flag text=\"two words\""))
    for name in ["one", "two_2", "four"] { #expect(configuration.isBlacklisted(bytes(name))) }
    #expect(!configuration.isBlacklisted(bytes("three")))
    #expect(configuration.isForbidden(bytes("three")))
  }

  @Test("Parameters are split as the kernel splits them")
  func parameters() {
    var parameters = KernelParameters(
      bytes(" a  b=1 c=\"x y\" \"d=LABEL=my root\" e=\"unclosed f \t g -- h"))
    var found: [String] = []
    while let next = parameters.next() {
      let value = next.value.map { "<\(String(decoding: $0, as: UTF8.self))>" } ?? "nil"
      found.append("\(String(decoding: next.name, as: UTF8.self)) \(value)")
    }
    #expect(
      found == ["a nil", "b <1>", "c <x y>", "d <LABEL=my root>", "e <unclosed f \t g -- h>"])
  }

  @Test(
    "Words behind -- are arguments of init",
    arguments: [
      ("a b=1", []), ("a -- sh -c \"exit 3\" x=\"1 2\"\n", ["sh", "-c", "exit 3", "x=1 2"]),
      ("-- a -- b=", ["a", "--", "b="]), ("a --", []), ("", []),
    ])
  func arguments(_ line: String, _ words: [String]) {
    var parameters = KernelParameters(bytes(line))
    #expect(parameters.arguments().map { String(decoding: $0, as: UTF8.self) } == words)
  }

  @Test func events() {
    let message = DeviceEvent(
      bytes("add@/devices/x\0ACTION=add\0SUBSYSTEM=block\0DEVNAME=sda1\0PARTN=1\0X\0"),
      separator: 0)
    #expect(message.value(of: "ACTION") == bytes("add"))
    #expect(message.value(of: "DEVNAME") == bytes("sda1"))
    #expect(message.value(of: "DEV") == nil)
    #expect(message.value(of: "X") == nil)
    let file = DeviceEvent(bytes("MAJOR=8\nMINOR=0\nPARTNAME=the = root"), separator: 0x0a)
    #expect(file.value(of: "PARTNAME") == bytes("the = root"))
  }

  @Test func patterns() {
    for (pattern, text, isMatch) in [
      ("a*c", "abbc", true), ("a*c", "abcb", false), ("*", "", true), ("?", "", false),
      ("[0-9a]x", "ax", true), ("[!0-9]x", "5x", false), ("[]]", "]", true), ("[a", "[a", true),
      ("a[b", "ab", false), ("[9-0]", "5", false), ("[a-]", "-", true), ("**a", "xa", true),
      ("", "", true), ("", "x", false),
    ] {
      #expect(ModuleAlias.matches(bytes(pattern), bytes(text)) == isMatch, "\(pattern) \(text)")
    }
    let stars = [UInt8](repeating: UInt8(ascii: "*"), count: 2000)
    #expect(!ModuleAlias.matches(stars + [1], [UInt8](repeating: 2, count: 4000)))
  }

  @Test("Bytes of any kind")
  func noise() {
    var random = SeededGenerator(seed: 43)
    let alphabet = bytes("[]*?-!\\\"=., \n\0#aoptionsbliksfdeprm:post\u{ff}")
    for _ in 0..<2000 {
      let count = Int.random(in: 0..<200, using: &random)
      let noise = (0..<count).map { _ in alphabet.randomElement(using: &random) ?? 0 }
      var configuration = ModprobeConfiguration()
      configuration.add(file: bytes("options ") + noise)
      configuration.add(commandLine: noise)
      _ = configuration.options(of: noise)
      _ = DeviceEvent(noise, separator: 0).value(of: "ACTION")
      _ = ModuleAlias.matches(noise, Array(noise.reversed()))
    }
  }
}
