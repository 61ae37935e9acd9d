import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// What `minivm run` takes from its command line.
@Suite struct RunOptionTests {
  @Test("FOLDER[:GUEST][:ro]")
  func shares() throws {
    let folder = try TemporaryFolder()
    let path = try #require(FileTree.realPath(folder.path))
    for (argument, guest, isReadOnly) in [
      (path, path, false), ("\(path):ro", path, true), ("\(path):rw", path, false),
      ("\(path):/srv", "/srv", false), ("\(path):/srv/x:ro", "/srv/x", true),
    ] {
      let share = try RunShare(argument: argument)
      #expect(share.host == path)
      #expect(share.guest == guest)
      #expect(share.isReadOnly == isReadOnly)
    }
    for argument in ["\(path):relative", "\(path):/a/../b", "\(path):/a:/b", ":ro", "", "/"] {
      #expect(throws: KitError.self) { try RunShare(argument: argument) }
    }
    #expect(try RunShare(argument: "/:ro").isReadOnly)
  }

  @Test("Users by name and number, of the guest's root")
  func users() throws {
    let root = try TemporaryFolder()
    try root.write(
      "etc/passwd", "root:x:0:0:root:/root:/bin/sh\nann:x:12:34:Ann:/home/ann:/bin/sh\n".utf8)
    try root.write("etc/group", "a:x:34:\nb:x:56:joe,ann\nc:x:57:anna\n".utf8)
    let ann = try RunUser(argument: "ann", root: root.path)
    #expect((ann.user, ann.group) == (12, 34))
    #expect(ann.groups == [56])
    #expect(ann.home == "/home/ann")
    #expect(try RunUser(argument: "12", root: root.path).group == 34)
    #expect(try RunUser(argument: "12:9", root: root.path).group == 9)
    #expect(try RunUser(argument: "77", root: root.path).group == 77)
    for name in ["joe", "", "1:2:3", "-1", "1:x"] {
      #expect(throws: KitError.self) { try RunUser(argument: name, root: root.path) }
    }
  }
}
