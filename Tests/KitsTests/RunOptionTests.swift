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
    let accounts = try RootAccounts(folder: root.path)
    let ann = try accounts.user("ann")
    #expect((ann.user, ann.group) == (12, 34))
    #expect(ann.groups == [56])
    #expect(ann.home == "/home/ann")
    #expect(try accounts.user("12").group == 34)
    #expect(try accounts.user("12").groups == [56])
    #expect(try accounts.user("12:9").group == 9)
    #expect(
      try accounts.user("ann:c")
        == RootUser(
          user: 12, group: 57, groups: [], name: "ann", home: "/home/ann"))
    // Container engines: a number without a line has the group 0; run: its own.
    #expect(try accounts.user("77").group == 0)
    #expect(try accounts.user("77") { $0 }.group == 77)
    #expect(try accounts.user("").name == "root")
    #expect(try accounts.user(":b").group == 56)
    for name in ["joe", "1:2:3", "-1", "1:x", "ann:-1", "4294967295", "4294967296"] {
      #expect(throws: KitError.self) { try accounts.user(name) }
    }
  }

  @Test("Ports are forwarded from the loopback address, and the guest's addresses are fixed")
  func networks() throws {
    #expect(try RunNetwork.device(argument: "none") == nil)
    let user = try #require(try RunNetwork.device(argument: "user"))
    #expect(user.card == .virtio && user.userOptions.isEmpty)
    for (rule, forwarded) in [
      ("tcp::8080-:80", "tcp:127.0.0.1:8080-:80"), ("::1-:2", ":127.0.0.1:1-:2"),
      ("udp:0.0.0.0:53-10.0.2.15:53", "udp:0.0.0.0:53-10.0.2.15:53"),
    ] {
      let device = try RunNetwork.device(argument: "user,hostfwd=\(rule),restrict=on")
      #expect(device?.userOptions == ["hostfwd=\(forwarded)", "restrict=on"])
    }
    for word in [
      "bridge", "", "user,net=10.1.0.0/16", "user,dns=10.0.2.9", "user,hostfwd=8080-:80",
      "user,hostfwd=tcp:8080:80", "user,hostfwd=sctp::1-:2", "user,x=y",
    ] {
      #expect(throws: KitError.self, "\(word)") { try RunNetwork.device(argument: word) }
    }
  }

  @Test("IMAGE, IMAGE:ro and IMAGE:snapshot")
  func disks() async throws {
    let folder = try TemporaryFolder()
    let raw = try folder.write("raw", [UInt8](repeating: 0, count: 4096))
    let colon = try folder.write("a:ro", [UInt8](repeating: 0, count: 4096))
    try await Tool.shell(
      "qemu-img create -q -f qcow2 q 1M; qemu-img create -q -f qcow2 -b q -F qcow2 back",
      in: folder.path)
    for (argument, path, format, access) in [
      (raw, raw, .raw, .readWrite), ("\(raw):rw", raw, .raw, .readWrite),
      ("\(raw):ro", raw, .raw, .unchanged), ("\(raw):snapshot", raw, .raw, .snapshot),
      (colon, colon, .raw, .readWrite), ("\(colon):ro", colon, .raw, .unchanged),
      (folder("q"), folder("q"), .qcow2, .readWrite),
    ] as [(String, String, MachineDisk.Format, MachineDisk.Access)] {
      #expect(
        try RunDisk.disk(argument: argument) == MachineDisk(path, format: format, access: access))
    }
    for argument in [folder("back"), folder.path, folder("none"), folder("none:ro"), "/dev/null"] {
      #expect(throws: KitError.self, "\(argument)") { try RunDisk.disk(argument: argument) }
    }
  }
}
