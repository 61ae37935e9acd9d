import Basics
import Formats
import Kits
import TestSupport
import Testing

/// Programs that a template's scripts run, and that its busybox lacks.
extension TemplateFolderTests {
  @Test("A busybox without a program that a script uses is refused, and nothing changes")
  func lostPrograms() async throws {
    try template.update(.busybox, provided(["comm", "ls", "paste", "sh", "tac", "tsort"]))
    try folder.write(
      "template/init",
      """
      #!/bin/sh
      # tsort is only named here
      tac=$paste; ls --paste ${paste}#x # nor is paste
      if x=$(/bin/comm "a # $(tac b)" c); then ls; fi
      """.utf8)
    try folder.write("template/etc/event", "#!/bin/busybox sh\nbusybox tsort x\n".utf8)
    try folder.write("template/etc/text", "paste\n".utf8)
    let before = try everything
    let error = #expect(throws: KitError.self) {
      try template.update(.busybox, provided(["ls", "sh"]))
    }
    #expect(error?.code == .invalid)
    let message = error.map { "\($0)" } ?? ""
    #expect(message.contains("(etc/event: tsort; init: comm, tac)"), "\(message)")
    #expect(message.contains("--force"))
    #expect(try everything == before)

    // A program of the template's own stands in for an applet.
    try folder.write("template/sbin/tsort", "mine".utf8)
    try folder.write("template/bin/tac", "mine".utf8)
    let update = try template.update(.busybox, provided(["ls", "sh"]), isForced: true)
    #expect(update.removedLinks == ["comm", "paste", "tsort"])
    #expect(update.lostPrograms == ["init: comm"])
  }

  @Test("Links to busybox in other folders count, and so do those of a busybox that nobody knows")
  func lostLinks() async throws {
    try template.update(.busybox, provided(["comm", "ls", "sh"]))
    try await Tool.shell(
      "mkdir sbin; ln -s ../bin/busybox sbin/lspci; echo damaged >bin/busybox",
      in: folder("template"))
    try folder.write("template/init", "#!/bin/sh\nlspci | comm - x\n".utf8)
    let error = #expect(throws: KitError.self) {
      try template.update(.busybox, provided(["ls", "sh"]))
    }
    #expect(error.map { "\($0)".contains("init: comm, lspci") } == true, "\(error as Any)")
    try template.update(.busybox, provided(["comm", "ls", "lspci", "sh"]))
  }

  @Test("What scripts run and busybox lacks, and what only looks so")
  func lackingPrograms() throws {
    func lacking(_ script: String, applets: [String] = ["ls", "sh"]) throws -> [String] {
      var content = Initramfs()
      try content.add("bin/busybox", .file(staticProgram(applets), isExecutable: true))
      try content.add("init", .file(Array("#!/bin/sh\n\(script)\n".utf8), isExecutable: true))
      try content.add("bin/tac", .file([0x7f], isExecutable: true))
      try content.add("bin/unlink", .symbolicLink(target: "busybox"))
      return content.lackingPrograms
    }
    for script in [
      "comm a b", "ls | comm - b", "x=$(comm a b)", "echo \"$(comm a b)\"", "if comm; then ls; fi",
      "x=1 comm a", "exec comm", "ls; /bin/comm", "busybox comm", "sh -c 'comm a'",
      "find . -exec comm {} +",
      "while read x; do comm; done", "x=`comm a`", "! comm", "case $x in\n  a) comm ;;\nesac",
      "ls &&\\\n comm",
      "cat <<END\nlsusb\nEND\ncomm", "xargs -n 1 comm", "f() { comm; }",
    ] {
      let found = try lacking(script, applets: ["cat", "find", "ls", "sh", "xargs"])
      #expect(found == ["init: comm"], "\(script): \(found)")
    }
    for script in [
      "echo comm", "# comm", "echo 'a; comm'", "echo \"x | comm\"", "comm() { ls; }\ncomm a",
      "command -v comm && comm a", "[ -x /bin/comm ] && /bin/comm", "comm=1; ls $comm", "tac x",
      "case $x in\n  comm | who) ls ;;\nesac", "cat <<END\ncomm\nEND", "x=$((comm + 1))",
      "ls >comm", "${x%%comm}",
      "unknown-program", "test -e x; printf y; kill 1", "ls \\\n comm", "echo '\ncomm\n'",
    ] {
      let found = try lacking(script, applets: ["cat", "ls", "sh"])
      #expect(found == [], "\(script): \(found)")
    }
    // A link to busybox says that it is meant, wherever the word stands.
    #expect(try lacking("for x in unlink; do $x; done") == ["init: unlink"])
  }

  @Test("minivm's own init lacks nothing with Debian's busybox")
  func ownInit() throws {
    var content = Initramfs()
    let busybox = try InputFile(busyboxPath()).readAll(limit: 1 << 24)
    try content.add("bin/busybox", .file(busybox, isExecutable: true))
    try content.add("init", .file(Array(DefaultFiles.initScript.utf8), isExecutable: true))
    #expect(content.lackingPrograms == [])
  }

  @Test("build, mkinitramfs and check warn of a program that busybox lacks, in one line")
  func lackingIsWarnedOf() async throws {
    let bench = try CommandBench()
    try bench.folder.write("t/init", "#!/bin/busybox sh\nls | comm - /tmp/x\n".utf8)
    try await Tool.shell("chmod +x t/init", in: bench.folder.path)
    func expectWarning(_ result: Tool.Result, _ fragments: String...) {
      let lines = result.errors.split(separator: "\n").filter { $0.contains("busybox lacks") }
      #expect(result.status == 0 && lines.count == 1, "\(result)")
      for fragment in fragments + ["minivm: warning: ", "init: comm", "update-busybox"] {
        #expect(lines.first?.contains(fragment) == true, "\(lines)")
      }
    }
    let options = ["--template", "t", "--out", "kit"]
    expectWarning(try await bench.run(["build", "p.deb"] + options), "t: scripts run")
    // From the cache, too.
    expectWarning(try await bench.run(["build", "p.deb"] + options), "t: scripts run")
    let check = try await bench.run(["check", "kit"])
    #expect(check.errors.contains("busybox lacks: init: comm"), "\(check)")
    #expect(try await bench.run(["unpack", "p.deb"]).status == 0)
    expectWarning(
      try await bench.run(["mkinitramfs", "t", CommandBench.release]), "t: scripts run")
  }
}
