import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// How the real program reads its command line.
@Suite struct CommandLineTests {
  @Test("Words with one dash are short options, or errors, and no bundle with -h in it")
  func singleDashes() async throws {
    let bench = try CommandBench()
    for (arguments, fragment) in [
      (["boot", "kit", "-nographic"], "`minivm boot … -- -nographic`"),
      (["boot", "kit", "-machine", "pc"], "did you mean --machine? QEMU's options come after --"),
      (["boot", "kit", "-snapshot"], "unknown option “-snapshot”"),
      (["boot", "kit", "-hda", "x"], "unknown option “-hda”"),
      (["discover", "kit", "-nographic"], "`minivm discover … -- -nographic`"),
      (["build", "p.deb", "-best"], "did you mean --best?"),
      (["build", "p.deb", "-out", "kit"], "did you mean --out?"),
      (["build", "p.deb", "-help"], "did you mean --help?"),
      (["build", "p.deb", "-qx"], "unknown option “-qx”"),
      (["explain", "kit", "-hx"], "unknown option “-hx”"),
      (["check", "kit", "-machine=pc"], "did you mean --machine?"),
      (["boot", "kit", "--expect", "-hello"], "--expect needs a value before “-hello”"),
      (["-version"], "did you mean --version?"),
      (["-nographic"], "unknown option “-nographic”"),
    ] {
      try await bench.expectFailure(arguments, 2, fragment)
    }
    for command in ["boot", "build", "depmod", "profiles"] {
      let help = try await bench.run([command, "-h"])
      #expect(help.status == 0 && help.output.contains("USAGE: minivm \(command)"), "\(help)")
    }
  }

  @Test("A value may follow a short option at once, whatever letters it has")
  func attachedValues() async throws {
    let bench = try CommandBench()
    let release = CommandBench.release
    try FileTree.makeDirectories(bench.folder("path/with"))
    #expect(try await bench.run(["unpack", "p.deb", "-opath/with/h"]).status == 0)
    let tree = "path/with/h/lib/modules/\(release)"
    #expect(FileTree.isDirectory(bench.folder("\(tree)/kernel")))
    #expect(try await bench.run(["depmod", "-bpath/with/h", release]).status == 0)
    #expect(FileTree.status(bench.folder("\(tree)/modules.dep")) != nil)
    // Flags before it, as getopt(3) takes them.
    #expect(
      try await bench.run(["depmod", "-aeb", "path/with/h", "-qnC/dev/null", release]).status == 0)
    // Values with a dash or an = in them.
    let build = ["build", "p.deb", "--template", "t", "-q"]
    #expect(try await bench.run(build + ["-o-hash=h"]).status == 0)
    #expect(FileTree.isDirectory(bench.folder("-hash=h")))
    #expect(try await bench.run(build + ["-o=kit"]).status == 0)
    #expect(FileTree.isDirectory(bench.folder("kit")))
  }

  @Test("Words after -- are QEMU's, and values of --append may begin with a dash")
  func passedOn() async throws {
    let bench = try CommandBench()
    try await bench.run(["build", "p.deb", "--template", "t", "-q", "-o", "kit"])
    let result = try await bench.run([
      "boot", "kit", "--append", "-hello", "--print", "--", "-nographic", "-snapshot",
    ])
    #expect(result.status == 0, "\(result)")
    #expect(result.output.contains(" -hello"), "\(result)")
    #expect(result.output.contains("-nographic"), "\(result)")
  }

  @Test("A wrong subcommand suggests the right one")
  func wrongSubcommands() async throws {
    let bench = try CommandBench()
    for (word, right) in [
      ("biuld", "build"), ("Boot", "boot"), ("download", "fetch"),
      ("modules2qcow", "modules2qcow2"),
      ("mkinitrd", "mkinitramfs"), ("profile", "profiles"),
    ] {
      try await bench.expectFailure([word], 2, "did you mean `minivm \(right)`?")
    }
    try await bench.expectFailure(["xyzzyplugh"], 2, "`minivm --help` lists them")
    for words in [[], ["help"], ["help", "build"], ["--help"], ["-h"], ["--version"]] {
      #expect(try await bench.run(words).status == 0, "\(words)")
    }
  }
}

extension CommandLineTests {
  @Test("Memory with a unit, profiles without a comma, several kernels, a kernel without modules")
  func almostRight() async throws {
    let bench = try CommandBench()
    let build = ["build", "p.deb", "--template", "t", "-q", "-o", "kit"]
    #expect(try await bench.run(build).status == 0)
    for (memory, megabytes) in [("1G", 1024), ("2048M", 2048), ("300", 300), ("1gib", 1024)] {
      let printed = try await bench.run(["boot", "kit", "--memory", memory, "--print"])
      #expect(printed.output.contains("-m \(megabytes)"), "\(printed)")
    }
    for memory in ["1T", "x", "", "1.5G", "99999999999999999999"] {
      try await bench.expectFailure(["boot", "kit", "--memory", memory], 2, "--memory takes MiB")
    }
    try await bench.expectFailure(
      build + ["--profile", "qemu+virtiofs"], 2, "write qemu,+virtiofs")
    try await bench.expectFailure(
      build + ["--profile", "+virtiofs+vfat"], 2, "write virtiofs,+vfat")
    try await bench.expectFailure(
      ["build", "kit/vmlinuz-\(CommandBench.release)", "--template", "t"], 1,
      "is a kernel image, without its modules; put it into a folder")
    let explained = try await bench.run(["explain", "kit"])
    #expect(explained.output.contains("1 module "), "\(explained)")
    try await bench.run(["unpack", "p.deb"])
    try FileTree.makeDirectories(bench.folder("lib/modules/6.2.0/kernel"))
    try await bench.expectFailure(
      ["build", ".", "--template", "t", "-o", "two"], 2, "choose one with --kernel")
    let chosen = ["build", ".", "--template", "t", "-o", "two", "-q", "--kernel"]
    #expect(try await bench.run(chosen + [CommandBench.release]).status == 0)
    try await bench.expectFailure(chosen + ["6.3.0"], 3, "has no kernel 6.3.0")
  }

  @Test("Completion knows the values", arguments: ["bash", "zsh", "fish"])
  func completion(_ shell: String) async throws {
    let script = try await CommandBench().run(["--generate-completion-script", shell]).output
    for value in [
      "microvm", "virtio-net", "cloud-hypervisor", "virtio-scsi", "bookworm-backports", "tcg",
      "non-free-firmware",
    ] {
      #expect(script.contains(value), "\(value)")
    }
  }

  @Test(
    "run takes the packages of one kernel as build does, and --fail-on-warnings with and without a file"
  )
  func runForms() async throws {
    let bench = try CommandBench()
    try bench.folder.write("allow", [])
    for (arguments, fragment) in [
      (["run", "p.deb", "none.deb", "--", "true"], "none.deb: "),
      (["run", "p.deb", "--with", "none.deb", "--", "true"], "none.deb: "),
      (["run", "p.deb", "-v", "none.deb", "--", "true"], "none.deb: "),
      (["run", "none.deb", "--fail-on-warnings=allow", "--", "x.deb", "y.deb"], "none.deb: "),
      (["run", "none.deb", "--fail-on-warnings", "--", "true"], "none.deb: "),
    ] {
      try await bench.expectFailure(arguments, 125, fragment)
    }
  }
}
