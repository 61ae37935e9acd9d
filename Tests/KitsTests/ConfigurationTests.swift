import Basics
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// minivm.yaml.
@Suite struct ConfigurationTests {
  @Test("The current folder's file, or else the user's own")
  func places() throws {
    let folder = try TemporaryFolder()
    let variables = ["XDG_CONFIG_HOME": folder("config"), "HOME": folder("home")]
    #expect(
      try Configuration.load(folder: folder.path, variables: variables) == Configuration())
    try folder.write("home/.config/minivm/minivm.yaml", "suite: homely\n".utf8)
    #expect(
      try Configuration.load(folder: folder.path, variables: ["HOME": folder("home")]).suite
        == "homely")
    try folder.write(
      "config/minivm/minivm.yaml",
      """
      # a comment
      mirror: "http://m.invalid/debian"   # another
      suite: trixie
      arch: 'arm64'
      keyring: [a.gpg, /k/b.gpg]

      """.utf8)
    let own = try Configuration.load(folder: folder.path, variables: variables)
    #expect(own.mirrors == ["http://m.invalid/debian"] && own.foreignFile == nil)
    #expect(own.suite == "trixie")
    #expect(own.architecture == "arm64")
    #expect(own.keyrings == [folder("config/minivm/a.gpg"), "/k/b.gpg"])
    try folder.write(
      "minivm.yaml", "---\nkeyring: k.gpg\nmirror: [http://a.invalid, http://b.invalid]\n".utf8)
    let current = try Configuration.load(folder: folder.path, variables: variables)
    #expect(current.suite == nil && current.foreignFile == folder("minivm.yaml"))
    #expect(current.mirrors == ["http://a.invalid", "http://b.invalid"])
    #expect(current.keyrings == [folder("k.gpg")])
  }

  @Test(
    "What can't be meant is an error with file and line",
    arguments: [
      ("suite: a\nsuit: b\n", 2, "suit"),
      ("suite: 12\n", 1, "string"),
      ("\n\nsuite:\n  - a\n", 3, "string"),
      ("mirror: {a: b}\n", 1, "an address"),
      ("mirror:\n", 1, "an address"),
      ("arch: yes\n", 1, "string"),
      ("keyring: [a, [b]]\n", 1, "keyring"),
      ("keyring: []\n", 1, "keyring"),
      ("suite: a\nsuite: b\n", 2, "set twice"),
      ("- suite\n", 1, "lines such as"),
      ("suite: \"a\n", 2, "end of stream"),
      ("suite: *x\n", 1, ""),
      ("suite: a\n---\nsuite: b\n", 2, "second document"),
      ("suite: a\n\tarch: b\n", 2, ""),
      ("? [a]\n: b\n", 1, "word"),
      ("\u{1}", 1, ""),
    ])
  func faults(text: String, line: Int, message: String) throws {
    let folder = try TemporaryFolder()
    try folder.write("minivm.yaml", text.utf8)
    let error = #expect(throws: KitError.self) {
      try Configuration.load(folder: folder.path, variables: [:])
    }
    #expect(error?.code == .usage)
    #expect(error?.message.hasPrefix("\(folder("minivm.yaml")):\(line): ") == true, "\(error!)")
    #expect(error?.message.contains(message) == true, "\(error!)")
  }

  @Test("An empty file, or one of comments, says nothing")
  func empty() throws {
    let folder = try TemporaryFolder()
    for text in ["", "# nothing\n", "---\n"] {
      try folder.write("minivm.yaml", text.utf8)
      var expected = Configuration()
      expected.foreignFile = folder("minivm.yaml")
      #expect(try Configuration.load(folder: folder.path, variables: [:]) == expected)
    }
  }
}
