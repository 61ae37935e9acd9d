import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import Synchronization
import TestSupport
import Testing

struct TemplateFolderTests {
  let folder: TemporaryFolder
  let template: TemplateFolder

  init() throws {
    folder = try TemporaryFolder()
    try FileTree.makeDirectory(folder("template"))
    template = try TemplateFolder(folder("template"))
  }

  var everything: [String: String] {
    get throws { try content(of: folder("template")) }
  }

  private func content(of path: String) throws -> [String: String] {
    var result: [String: String] = [:]
    for name in try FileTree.names(in: path) {
      let entry = "\(path)/\(name)"
      switch FileTree.status(entry)?.kind {
      case .directory:
        for (below, text) in try content(of: entry) { result["\(name)/\(below)"] = text }
      case .symbolicLink: result[name] = "-> " + (try FileTree.linkTarget(entry))
      default:
        result[name] = String(decoding: try InputFile(entry).readAll(limit: 1 << 26), as: UTF8.self)
      }
    }
    return result
  }

  @Test func packageGivesProgramLinksAndNote() async throws {
    let package = try #require(try TestCache.packages("busybox").first)
    let update = try template.update(.busybox, TemplateTool.busybox.read(package))
    let listed = try await Tool.output(busyboxPath(), ["--list"]).split(separator: "\n")
    #expect(update.links.count == listed.count - 1)
    for name in listed where name != "busybox" {
      #expect(try FileTree.linkTarget(folder("template/bin/\(name)")) == "busybox")
    }
    try await Tool.output("cmp", [busyboxPath(), folder("template/bin/busybox")])
    #expect(FileTree.status(folder("template/bin/busybox"))?.mode == 0o755)

    let sums = try await Tool.output("sha256sum", [busyboxPath(), package]).split(separator: "\n")
    let version = try await Tool.output("dpkg-deb", ["-f", package, "Version"])
    #expect(
      try template.programs() == [
        TemplateProgram(
          path: "bin/busybox", architecture: "amd64", sha256: String(sums[0].prefix(64)),
          origin: FileTree.name(of: package), package: "busybox-static",
          version: String(version.dropLast()), packageSHA256: String(sums[1].prefix(64)),
          packageSize: FileTree.status(package)?.size)
      ])
  }

  @Test func e2fsckGetsItsLinksBesideBusybox() throws {
    let busybox = try #require(try TestCache.packages("busybox").first)
    let e2fsck = try #require(try TestCache.packages("e2fsck").first)
    try template.update(.busybox, TemplateTool.busybox.read(busybox, architecture: "amd64"))
    try template.update(.e2fsck, TemplateTool.e2fsck.read(e2fsck))
    for name in ["fsck.ext2", "fsck.ext3", "fsck.ext4"] {
      #expect(try FileTree.linkTarget(folder("template/sbin/\(name)")) == "e2fsck")
    }
    #expect(try template.programs().map(\.path) == ["bin/busybox", "sbin/e2fsck"])
  }

  @Test func staleLinksGoAndTheUsersFilesStay() throws {
    try FileTree.makeDirectories(folder("template/bin/more"))
    try folder.write("template/bin/cat", "mine".utf8)
    try folder.write("template/bin/more/file", "kept".utf8)
    try FileTree.makeLink(folder("template/bin/ls"), to: "/elsewhere")
    try FileTree.makeLink(folder("template/bin/mine"), to: "busybox")
    try template.update(.busybox, provided(["cat", "gone", "ls", "sh"]))
    #expect(try FileTree.linkTarget(folder("template/bin/gone")) == "busybox")

    let update = try template.update(.busybox, provided(["cat", "ls", "new", "sh"]))
    #expect(update.removedLinks == ["gone"])
    #expect(update.links == ["[", "[[", "new", "sh"])
    var content = try everything
    content["bin/busybox"] = nil
    content["SOURCES.json"] = nil
    #expect(
      content == [
        "bin/[": "-> busybox", "bin/[[": "-> busybox", "bin/new": "-> busybox",
        "bin/sh": "-> busybox", "bin/mine": "-> busybox", "bin/ls": "-> /elsewhere",
        "bin/cat": "mine", "bin/more/file": "kept",
      ])
  }

  @Test(
    "Hard links in the folder: those of the earlier program become links, others stay one file")
  func hardLinks() async throws {
    try template.update(.busybox, provided(["gone", "sh"]))
    try await Tool.shell(
      "rm gone sh; ln busybox gone; ln busybox sh; ln busybox mine; mkdir more; echo x >a; ln a b; ln a more/c",
      in: folder("template/bin"))
    let update = try template.update(.busybox, provided(["ls", "sh"]))
    #expect(update.removedLinks == ["gone"])
    #expect(update.links.contains("sh"))
    for name in ["sh", "mine"] {
      #expect(try FileTree.linkTarget(folder("template/bin/\(name)")) == "busybox")
    }
    let names = ["a", "b", "more/c"].map {
      FileTree.status(folder("template/bin/\($0)"))
    }
    #expect(Set(names.map(\.?.identity)).count == 1 && names[0]?.links == 3)
  }

  @Test("A folder of programs may be a link to another folder of the template, not to one outside")
  func linkedFolder() async throws {
    try template.update(.busybox, provided(["sh"]))
    try await Tool.shell("ln -s bin sbin", in: folder("template"))
    let e2fsck = try #require(try TestCache.packages("e2fsck").first)
    try template.update(.e2fsck, TemplateTool.e2fsck.read(e2fsck))
    try await Tool.shell(
      "[ -L sbin ]; [ -x bin/e2fsck ]; [ -x bin/busybox ]; [ \"$(readlink bin/sh)\" = busybox ]",
      in: folder("template"))
    #expect(try template.programs().map(\.path) == ["bin/busybox", "sbin/e2fsck"])
    try await Tool.shell("rm sbin; mkdir ../other; ln -s ../other sbin", in: folder("template"))
    #expect(throws: KitError.self) {
      try template.update(.e2fsck, TemplateTool.e2fsck.read(e2fsck))
    }
    #expect(try FileTree.names(in: folder("other")) == [])
  }

  @Test("busybox is no e2fsck")
  func mistaken() throws {
    let busybox = try #require(try TestCache.packages("busybox").first)
    let error = #expect(throws: (any Error).self) { try TemplateTool.e2fsck.read(busybox) }
    #expect(error != nil)
    #expect(throws: FormatError.self) {
      try TemplateTool.e2fsck.linkNames(provided(["sh"]).program)
    }
  }

  @Test("A link whose target is not UTF-8 is an error: nothing changes")
  func linkOfBytes() async throws {
    try template.update(.busybox, provided(["sh"]))
    try await Tool.shell(
      "ln -s \"$(printf 'caf\\351')\" odd; readlink odd >../../before", in: folder("template/bin"))
    let error = #expect(throws: FormatError.self) {
      try template.update(.busybox, provided(["ls", "sh"]))
    }
    #expect(error?.path.last?.hasSuffix("bin/odd") == true, "\(error as Any)")
    try await Tool.shell("readlink odd | cmp - ../../before; [ -L sh ]", in: folder("template/bin"))
  }

  @Test func failureLeavesTheTemplateAsItWas() async throws {
    try template.update(.busybox, provided(["sh"]))
    let before = try everything
    // The note can neither be read nor replaced.
    FileTree.remove(folder("template/SOURCES.json"))
    try FileTree.makeDirectories(folder("template/SOURCES.json/x"))
    #expect(throws: (any Error).self) { try template.update(.busybox, provided(["ls", "sh"])) }
    FileTree.remove(folder("template/SOURCES.json"))
    try folder.write("template/SOURCES.json", before["SOURCES.json", default: ""].utf8)
    #expect(try everything == before)
    try folder.write("template/SOURCES.json", "[]".utf8)
    #expect(throws: KitError.self) { try template.update(.busybox, provided(["ls", "sh"])) }
    #expect(try everything["bin/ls"] == nil)
  }

  @Test func wrongInputIsNamed() async throws {
    let e2fsck = try #require(try TestCache.packages("e2fsck").first)
    let text = try folder.write("text", "#!/bin/sh\n".utf8)
    let version3 = try folder.write("x.apk", "ADBd.....".utf8)
    for file in [e2fsck, text, version3, folder("missing")] {
      #expect(throws: (any Error).self) { try TemplateTool.busybox.read(file) }
    }
    // Dynamically linked: the shell of this machine.
    let dynamic = #expect(throws: FormatError.self) { try TemplateTool.e2fsck.read("/bin/bash") }
    #expect(dynamic?.reason.contains("dynamically") == true)
    let wrong = #expect(throws: KitError.self) {
      try TemplateTool.busybox.read(busyboxPath(), architecture: "arm64")
    }
    #expect(wrong?.message.contains("is for amd64, and arm64 is asked for") == true)
  }

  /// As abuild writes them: gzip members, of whose tars only the last has end blocks.
  @Test func alpinePackageGivesTheProgram() async throws {
    try await Tool.shell(
      """
      mkdir -p a/bin; cp \(busyboxPath()) a/bin/busybox.static; cd a
      tar --format=ustar -cf - bin/busybox.static | gzip -n >../data
      printf 'pkgname = busybox-static\\npkgver = 1.37.0-r12\\narch = x86_64\\ndatahash = %s\\n' \
        $(sha256sum <../data | cut -d' ' -f1) >.PKGINFO
      echo signature >.SIGN.RSA.some.key
      for part in .SIGN.RSA.some.key .PKGINFO; do
        tar --format=ustar -b1 -cf - $part | head -c -1024 | gzip -n
      done >../b.apk
      cat ../data >>../b.apk
      """, in: folder.path)
    let provided = try TemplateTool.busybox.read(folder("b.apk"))
    #expect(provided.note.package == "busybox-static")
    #expect(provided.note.version == "1.37.0-r12")
    #expect(provided.program.bytes == (try InputFile(busyboxPath()).readAll(limit: 1 << 26)))
  }

  @Test(
    "An init that the kernel could not start is refused",
    arguments: [(UInt32(0o755), "update-busybox"), (0o644, "chmod +x")])
  func unusableInit(_ mode: UInt32, _ advice: String) throws {
    let path = try folder.write("template/init", "#!/bin/sh\n".utf8)
    try FileTree.setAttributes(path, mode: mode, seconds: 0)
    var initramfs = Initramfs()
    let error = #expect(throws: KitError.self) { try initramfs.addTemplate(folder("template")) }
    #expect(error?.code == .invalid && error?.advice?.contains(advice) == true)
    try folder.write("template/bin/sh", "a shell".utf8)
    try FileTree.setAttributes(path, mode: 0o755, seconds: 0)
    var complete = Initramfs()
    try complete.addTemplate(folder("template"))
  }

  @Test("An archive that is written in parts has everything once, and is one to cpio")
  func parts() async throws {
    var initramfs = Initramfs()
    let identity = FileIdentity(device: 1, inode: 1)
    try initramfs.add("sbin/a", .file([1, 2], isExecutable: true), identity: identity)
    try initramfs.add("lib/modules/1/b", .file([1, 2], isExecutable: true), identity: identity)
    var archive = Initramfs.Archive(timestamp: 7)
    try archive.append(initramfs, where: { !$0.hasPrefix("lib/") })
    let start = archive.take()
    try initramfs.add("bin/late", .file([3], isExecutable: false))
    try archive.append(initramfs)
    try folder.write("archive", start + (try archive.finish()))
    let list = try await Tool.shell("cpio -t --quiet <archive", in: folder.path)
    #expect(
      list.split(separator: "\n") == [
        "dev", "dev/console", "etc", "lib", "newroot", "proc", "run", "sbin", "sbin/a", "sys",
        "tmp",
        "bin", "bin/late", "lib/modules", "lib/modules/1", "lib/modules/1/b",
      ])
    try await Tool.shell(
      "mkdir out; cd out; cpio -id --quiet -f dev/console <../archive; [ sbin/a -ef lib/modules/1/b ]",
      in: folder.path)
  }

  @Test("A kit's manifest says of a program that was changed by hand nothing that was noted before")
  func changedProgram() async throws {
    let bench = try CommandBench()
    try TemplateFolder(bench.folder("t")).update(.busybox, provided(["sh"]))
    for (change, paths) in [(":", ["bin/busybox"]), ("printf x >>t/bin/busybox", [])] {
      let result = try await bench.shell(
        "\(change) && \"$minivm\" build p.deb --template t --no-coldplug --out out")
      #expect(result.status == 0, "\(result.errors)")
      let manifest = try JSON.decode(
        Manifest.self, from: bench.folder.read("out/manifest-\(CommandBench.release).json"))
      #expect(manifest.programs.map(\.path) == paths)
    }
  }

  @Test("What an update that was killed has left is not for the RAM disk")
  func remains() throws {
    try folder.write("template/init", "an init".utf8)
    try FileTree.setAttributes(folder("template/init"), mode: 0o755, seconds: 0)
    try folder.write("template/bin/.minivm", [])
    try folder.write("template/bin/.minivm-1-2", [])
    try folder.write("template/.minivm-12-3/bin/sh", [])
    var initramfs = Initramfs()
    try initramfs.addTemplate(folder("template"))
    #expect(initramfs.paths.filter { $0.contains(".minivm") } == ["bin/.minivm"])
  }

  @Test("An update waits until nobody reads the template, and reading until nobody updates it")
  func waiting() async throws {
    try folder.write("template/init", "an init".utf8)
    try FileTree.setAttributes(folder("template/init"), mode: 0o755, seconds: 0)
    let template = template
    let tool = try provided(["sh"])
    func waits(isShared: Bool, _ work: @escaping @Sendable () throws -> Void) async throws {
      let isDone = Flag()
      let lock = FolderLock(template.folder, isShared: isShared)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
          try work()
          isDone.set()
        }
        try await Task.sleep(for: .milliseconds(300))
        #expect(!isDone.isSet)
        lock.unlock()
        try await group.waitForAll()
      }
    }
    try await waits(isShared: true) { try template.update(.busybox, tool) }
    try await waits(isShared: false) {
      var initramfs = Initramfs()
      try initramfs.addTemplate(template.folder)
    }
  }

  @Test(arguments: [
    (DefaultFiles.initScript, "ramdisk-template/init"),
    (DefaultFiles.modulesAutoload, "modules.autoload"),
  ])
  func defaultsAreTheRepositorysFiles(_ text: String, _ path: String) throws {
    let root = String(#filePath.split(separator: "Tests/KitsTests")[0])
    #expect(
      try Array(text.utf8) == InputFile("\(root)\(path)").readAll(limit: 1 << 20),
      "Sources/CGuest/defaults.c carries another file")
  }

  /// A small static program with a table of applets.
  func provided(_ applets: [String]) throws -> TemplateTool.Provided {
    let file = try folder.write("program", staticProgram(applets))
    return try TemplateTool.busybox.read(file)
  }
}

/// What one task tells another.
private final class Flag: Sendable {
  private let state = Mutex(false)
  var isSet: Bool { state.withLock { $0 } }
  func set() { state.withLock { $0 = true } }
}
