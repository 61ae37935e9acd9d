import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The real program, with input that is bad, missing or not allowed.
@Suite struct CommandTests {
  static let build = ["build", "p.deb", "--template", "t", "--out", "out"]

  @Test("A package that is cut off anywhere", arguments: [0, 7, 8, 60, 100, 200, 700, 2500, 5000])
  func truncated(_ count: Int) async throws {
    let bench = try CommandBench()
    try bench.folder.write("cut.deb", bench.folder.read("p.deb").prefix(count))
    for command in [
      ["unpack", "cut.deb", "--out", "out"], ["build", "cut.deb", "--template", "t"],
    ] {
      try await bench.expectFailure(command, 1, "minivm: cut.deb: ")
    }
    try await bench.expectFailure(
      ["update-busybox", "t", "--from", "cut.deb"], 1, "minivm: cut.deb: ")
  }

  @Test("What is not a kernel, not a package, not there")
  func wrongSources() async throws {
    let bench = try CommandBench()
    var other = MadeUpPackage(name: "bash")
    other.add("./bin/bash", [1])
    try bench.folder.write("bash.deb", other.bytes)
    try FileTree.makeDirectories(bench.folder("empty"))
    try await Tool.output("mkfifo", [bench.folder("fifo")])
    for command in ["unpack", "build"] {
      let template = command == "build" ? ["--template", "t"] : []
      try await bench.expectFailure(
        [command, "bash.deb"] + template, 1, "bash.deb: bash is not a kernel package")
      try await bench.expectFailure(
        [command, "none.deb"] + template, 3, "none.deb: can't be opened: No such file")
      try await bench.expectFailure([command, "modules.ramfs"] + template, 1, "not a .deb")
      try await bench.expectFailure([command, "fifo"] + template, 1, "fifo: is not a regular file")
    }
    try await bench.expectFailure(["unpack", "empty"], 1, "empty: is not a regular file")
    try await bench.expectFailure(
      ["build", "empty", "--template", "t"], 3, "empty: has no lib/modules/VER; make it")
    try await bench.expectFailure(
      ["build", "no/folder", "--template", "t"], 3, "no/folder: no such file or folder")
    try await bench.expectFailure(
      ["build", "p.deb", "empty", "--template", "t"], 2, "empty: is a folder, beside other sources"
    )
    for tool in ["busybox", "e2fsck"] {
      try await bench.expectFailure(
        ["update-\(tool)", "t", "--from", "bash.deb"], 1, "bash.deb: there is no ")
      try await bench.expectFailure(["update-\(tool)", "t", "--from", "none"], 3, "none: can't be")
      try await bench.expectFailure(
        ["update-\(tool)", "t", "--from", "modules.ramfs"], 1, "is not an ELF executable")
      try await bench.expectFailure(
        ["update-\(tool)", "none", "--from", "p.deb"], 3, "none: no such folder")
    }
  }

  @Test("Names that are in no kernel, in either list")
  func unknownModules() async throws {
    let bench = try CommandBench()
    try await bench.run(["unpack", "p.deb"])
    try bench.folder.write("bad.ramfs", "# mine\nfs/y.ko\n".utf8)
    try bench.folder.write("bad.autoload", "x\n\nnone\n".utf8)
    for command in [Self.build, ["mkinitramfs", "t", CommandBench.release]] {
      try await bench.expectFailure(
        command + ["--profile", "qemu", "--modules", "modules.ramfs"], 1, "minivm: profiles/qemu:",
        "use another --profile")
      try await bench.expectFailure(
        command + ["--modules", "bad.ramfs"], 1,
        "bad.ramfs:2: this kernel has no 'fs/y.ko'; the nearest is 'kernel/fs/x.ko'")
      try await bench.expectFailure(
        command + ["--autoload", "bad.autoload"], 1, "bad.autoload:3: this kernel has no 'none'")
      try await bench.expectFailure(
        command + ["--modules", "none.ramfs"], 3, "none.ramfs: can't be opened")
    }
  }

  @Test("A disk that is too small says how much it takes, and that much is enough")
  func smallDisk() async throws {
    let bench = try CommandBench()
    try await bench.run(["unpack", "p.deb"])
    for command in [
      Self.build + ["--disk-size"], ["modules2qcow2", CommandBench.release],
    ] {
      try await bench.expectFailure(command + ["1"], 1, "takes a disk of 8 MiB", "give that size")
      #expect(try await bench.run(command + ["8"]).status == 0)
    }
  }

  @Test("Templates without init, that are files, with what no RAM disk holds")
  func templates() async throws {
    let bench = try CommandBench()
    try FileTree.makeDirectories(bench.folder("none"))
    let build = ["build", "p.deb", "--template"]
    try await bench.expectFailure(build + ["none"], 1, "none: has no init")
    try await bench.expectFailure(build + ["p.deb"], 3, "p.deb: no such folder")
    try await bench.expectFailure(build + ["missing"], 3, "missing: no such folder")
    try await Tool.output("mkfifo", [bench.folder("t/fifo")])
    try await bench.expectFailure(
      build + ["t"], 1, "t/fifo: is neither a file, a folder nor a link")
    try await Tool.shell("rm fifo; : >\"$(printf 'a\\377')\"", in: bench.folder("t"))
    try await bench.expectFailure(build + ["t"], 1, "t: has the name", "not UTF-8")
    try await Tool.shell("rm a*; echo x >SOURCES.json", in: bench.folder("t"))
    try await bench.expectFailure(build + ["t"], 1, "SOURCES.json: was not written by minivm")
    try await Tool.shell(
      "rm SOURCES.json; cp init good; sed -i 's/$/\\r/' init", in: bench.folder("t"))
    try await bench.expectFailure(build + ["t"], 1, "t/init: has Windows line endings")
    // Devices below dev are the kernel's to make.
    try await Tool.shell("mv good init; mkdir dev; mkfifo dev/initctl", in: bench.folder("t"))
    #expect(try await bench.run(build + ["t", "--out", "kit"]).status == 0)
  }

  @Test("Lists that come through pipes, and from what is neither file nor pipe")
  func pipes() async throws {
    let bench = try CommandBench()
    let build = "\"$minivm\" build p.deb --template t --out kit --quiet"
    let result = try await bench.shell(
      "rm modules.ramfs; echo fs/x.ko | \(build) --modules /dev/stdin --autoload modules.autoload")
    #expect(result.status == 0, "\(result)")
    let explained = try await bench.run(["explain", "kit", "x"])
    #expect(explained.output.contains("stdin:1: fs/x.ko"), "\(explained)")
    let endless = try await bench.shell("\(build) --modules /dev/zero")
    #expect(
      endless.status == 1 && endless.errors.contains("/dev/zero: has more than"), "\(endless)")
    let folder = try await bench.shell("\(build) --modules t")
    #expect(folder.status == 1 && folder.errors.contains("t: is not a regular file"), "\(folder)")
  }

  @Test("Values that begin with a sign")
  func signs() async throws {
    let bench = try CommandBench()
    let build = Self.build + ["--out", "kit"]
    #expect(try await bench.run(build).status == 0)
    let printed = try await bench.run(["boot", "kit", "--append", "-- one", "--print"])
    #expect(printed.status == 0 && printed.output.contains(" -- one"), "\(printed)")
    let profile = try await bench.run(build + ["--profile", "-nics"])
    #expect(!profile.errors.contains("Missing value"), "\(profile)")
  }

  @Test("Trees with what is no module, and without modules")
  func trees() async throws {
    let bench = try CommandBench()
    let release = CommandBench.release
    try await bench.run(["unpack", "p.deb"])
    let kernel = bench.folder("lib/modules/\(release)/kernel")
    try await Tool.shell("rm fs/x.ko; mkfifo fs/x.ko", in: kernel)
    let piped = try await bench.run(["modules2qcow2", release])
    #expect(
      piped.status == 0 && piped.errors.contains("fs/x.ko: skipped: neither a file"),
      "\(piped)")
    try await bench.expectFailure(
      ["mkinitramfs", "t", release], 1, "modules.ramfs:1: this kernel has no 'fs/x.ko'")
    try await Tool.shell("rm modules-*", in: bench.folder.path)
    #expect(try await bench.run(["depmod", "-b", ".", release]).status == 0)
    // As the kernel's own scripts call it.
    let script = try await bench.shell(
      "ln -s \"$minivm\" depmod; touch System.map; ./depmod -ae -F System.map -b . \(release); rm depmod"
    )
    #expect(script.status == 0, "\(script)")
    try await Tool.shell("rm fs/x.ko", in: kernel)
    try await bench.expectFailure(
      ["mkinitramfs", "t", release], 1, "modules.ramfs:1: this kernel has no 'fs/x.ko'")
    try await Tool.shell("rm -r ../*; mkdir -p ../kernel", in: kernel)
    try await bench.expectFailure(
      ["build", ".", "--template", "t"], 1, "has a vmlinuz, but no modules")
    #expect(try await bench.run(["modules2qcow2", release]).status == 0)
    // Files that are no modules are a warning, as depmod has it; links are followed.
    try await Tool.shell(
      "echo x >text.ko; ln -s /etc/passwd out.ko; : >empty.ko", in: kernel)
    let result = try await bench.run(["modules2qcow2", release])
    #expect(result.status == 0 && result.errors.contains("kernel/text.ko: not an ELF file"))
    #expect(result.errors.contains("kernel/out.ko: not an ELF file"))
    try await Tool.shell("printf 'x' | xz | head -c 20 >cut.ko.xz", in: kernel)
    try await bench.expectFailure(["modules2qcow2", release], 1, "kernel/cut.ko.xz: ")
  }

  @Test("What can't be asked for")
  func usage() async throws {
    let bench = try CommandBench()
    for epoch in ["x", "-1", "4294967296", "1e9", " 1"] {
      try await bench.expectFailure(
        Self.build, 2, "SOURCE_DATE_EPOCH=\(epoch) is not",
        environment: ["SOURCE_DATE_EPOCH": epoch])
    }
    for arguments in [
      Self.build + ["--jobs", "0"], Self.build + ["--jobs", "x"],
      Self.build + ["--disk-size", "0"],
      Self.build + ["--disk-format", "vmdk"], Self.build + ["--disk-size", "99999999999999999999"],
      ["unpack"], ["fetch"], ["nothing"], ["modules2qcow2", "6.1", "0"],
      ["boot", "--timeout", "0"],
      ["boot", "--memory", "1"], ["boot", "--accel", "x"],
      ["fetch", "p", "--suite", "../x"], ["update-busybox", "t", "--from", "alpine"],
    ] {
      try await bench.expectFailure(arguments, 2, "minivm: ")
    }
    for (arguments, message) in [
      (["boot", "--root-format", "raw"], "--root-format requires --root"),
      (["discover", "--root-format", "raw"], "--root-format requires --root"),
      (["discover", "--root-type", "xfs"], "--root-type requires --modaliases"),
      (["discover", "--template", "t", "--offline"], "--template has its own programs"),
      (["update-busybox", "t", "--from", "p.deb", "--suite", "x"], "--from p.deb is a file"),
    ] {
      try await bench.expectFailure(arguments, 2, "minivm: \(message)")
    }
    for release in [
      "../x", "a/b", "6.1\n", "", "6.1 x", "6.1%s", String(repeating: "1", count: 65),
    ] {
      for command in [["modules2qcow2", release], ["mkinitramfs", "t", release]] {
        try await bench.expectFailure(command, 2, "can't be a kernel release; give one")
      }
    }
    for command in [
      ["modules2qcow2", "6.2"], ["mkinitramfs", "t", "6.2"], ["depmod", "-b", ".", "6.2"],
    ] {
      try await bench.expectFailure(command, 3, "./lib/modules/6.2")
    }
  }

  @Test("What of Alpine is not in the cache does not come with --offline")
  func alpineOffline() async throws {
    try await CommandBench().expectFailure(
      ["update-busybox", "t", "--from", "alpine", "--mirror", "http://m.invalid", "--offline"], 3,
      "latest-stable x86_64 is not in the cache")
  }

  @Test("What comes from Alpine's mirrors is for the architecture of minivm.yaml")
  func alpine() async throws {
    let bench = try CommandBench()
    let words = ["update-busybox", "t", "--from", "alpine", "--mirror", "http://m.invalid"]
    try bench.folder.write("minivm.yaml", "arch: sparc\n".utf8)
    try await bench.expectFailure(words, 2, "no packages for sparc")
  }

  @Test("Times that fit and times that don't", arguments: ["0", "4294967295"])
  func epochs(_ epoch: String) async throws {
    let bench = try CommandBench()
    let result = try await bench.run(Self.build, environment: ["SOURCE_DATE_EPOCH": epoch])
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      try await bench.run(["build", "p.deb", "--template", "t", "--jobs", "1000"]).status == 0)
  }
}
