import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The real program, stopped at moments that differ: results are there as a whole or not at all.
@Suite(.serialized) struct InterruptTests {
  struct Job: CustomTestStringConvertible {
    var name: String
    /// Makes the folder `w`, with earlier results in it.
    var preparation: String
    /// Runs in `w`.
    var arguments: [String]
    var testDescription: String { name }
  }

  static let release = CommandBench.release
  private static let lists = ["--modules", "../modules.ramfs", "--autoload", "../modules.autoload"]
  static let jobs = [
    Job(
      name: "unpack", preparation: "cd w; \"$minivm\" unpack ../p.deb",
      arguments: ["unpack", "../q.deb"]),
    Job(
      name: "unpack into a new folder", preparation: "",
      arguments: ["unpack", "../q.deb", "--out", "new/folder"]),
    Job(
      name: "build", preparation: "\"$minivm\" build p.deb --template t --out w",
      arguments: ["build", "../q.deb", "--template", "../t", "--out", "."] + lists),
    Job(
      name: "build into a new folder", preparation: "",
      arguments: ["build", "../q.deb", "--template", "../t", "--out", "new/folder"] + lists),
    Job(
      name: "depmod",
      preparation:
        "cd w; \"$minivm\" unpack ../q.deb; echo old >lib/modules/\(release)/modules.dep",
      arguments: ["depmod", "-b", ".", release]),
    Job(
      name: "modules2qcow2",
      preparation: "cd w; \"$minivm\" unpack ../q.deb; echo old >modules-\(release).qcow2",
      arguments: ["modules2qcow2", release]),
    Job(
      name: "mkinitramfs",
      preparation:
        "cd w; \"$minivm\" unpack ../q.deb; echo old >initramfs-\(release)",
      arguments: ["mkinitramfs", "../t", release] + lists),
    Job(
      name: "update-busybox",
      preparation: "\"$minivm\" update-busybox w --from one; echo mine >w/bin/mine",
      arguments: ["update-busybox", ".", "--from", "../two"]),
  ]

  /// With two packages and two programs, made of many files, so that there is something to interrupt.
  static func bench() throws -> CommandBench {
    var package = OutputTests.big
    func add(_ range: Range<Int>) {
      for index in range {
        package.add(
          "\(MadeUpPackage.tree)/kernel/fs/m\(index).ko",
          ELFModuleBuilder(information: ["license=GPL"], exports: ["s\(index)"]).bytes())
      }
    }
    add(0..<30)
    let bench = try CommandBench(package)
    add(30..<50)
    try bench.folder.write("q.deb", package.bytes)
    try bench.folder.write("modules.ramfs", "fs\n".utf8)
    for (name, count) in [("one", 100), ("two", 150)] {
      let applets = (0..<count).map { "s\($0 + 1000)" }
      try bench.folder.write(name, staticProgram(["sh"] + applets))
    }
    return bench
  }

  @Test("A signal", arguments: jobs)
  func terminated(_ job: Job) async throws {
    try await Self.check(Self.bench(), job, .terminate)
  }

  @Test("Ctrl-C, and a terminal that goes", arguments: [Tool.Signal.interrupt, .hangup])
  func otherSignals(_ signal: Tool.Signal) async throws {
    try await Self.check(Self.bench(), Self.jobs[0], signal)
  }

  @Test("kill -9: the next run tidies up", arguments: jobs)
  func killed(_ job: Job) async throws {
    try await Self.check(Self.bench(), job, .kill)
  }

  @Test(
    "kill -9 when all is in its place: the next run, which writes nothing, removes the earlier files"
  )
  func killedAtTheEnd() async throws {
    let bench = try Self.bench()
    let build = ["build", "p.deb", "--template", "t", "--out", "w"]
    #expect(try await bench.run(build).status == 0)
    // As such a run leaves them: without a lock, under the name of a process.
    try await Tool.shell("for n in 1 2; do cp vmlinuz-* .minivm-1-$n; done", in: bench.folder("w"))
    #expect(try await bench.run(build).status == 0)
    #expect(try await bench.temporaries() == "")
  }

  private static func check(
    _ bench: CommandBench, _ job: Job, _ signal: Tool.Signal, environment: [String: String] = [:]
  ) async throws {
    let inside = bench.folder("w")
    func run() async throws -> Tool.Result {
      try await Tool.run(
        TestKit.program, job.arguments, in: inside,
        environment: ["HOME": bench.folder("home")].merging(environment) { $1 })
    }
    func listing() async throws -> String {
      try await Tool.shell(
        "find . -printf '%p %y %m %l\\n' | sort; find . -type f -exec cksum {} + | sort -k3",
        in: inside)
    }
    let made = try await bench.shell(
      "set -e; cp -r \(job.name == "update-busybox" ? "t" : "home") w; \(job.preparation)")
    #expect(made.status == 0, "\(made.errors)")
    try await Tool.shell("cp -a w kept", in: bench.folder.path)
    let before = try await listing()
    let clock = ContinuousClock()
    let begin = clock.now
    let whole = try await run()
    #expect(whole.status == 0, "\(whole.errors)")
    let milliseconds = Int((clock.now - begin) / .milliseconds(1))
    let done = try await listing()
    #expect(done != before)

    var generator = SeededGenerator(seed: 11)
    var interrupted = 0
    var latest = milliseconds
    for _ in 0..<10 where interrupted < 3 {
      try await Tool.shell("rm -rf w; cp -a kept w", in: bench.folder.path)
      let after = Int.random(in: 0...latest, using: &generator)
      let status = try await Tool.interrupt(
        TestKit.program, job.arguments, signal, after: .milliseconds(after), in: inside,
        environment: ["HOME": bench.folder("home")].merging(environment) { $1 })
      #expect(status == 0 || status == 128 + signal.number, "after \(after) ms: \(status)")
      // It ended before: other runs will, too, on a machine that is less busy now.
      if status == 0 { latest = after / 2 } else { interrupted += 1 }
      let now = try await listing()
      if signal != .kill {
        let isWhole = now == before || now == done
        #expect(isWhole, "\(job.name) after \(after) of \(milliseconds) ms left \(now)")
      } else {
        #expect(try await run().status == 0)
        let again = try await listing()
        let isDone = again == done
        #expect(isDone, "\(job.name) after \(after) of \(milliseconds) ms: \(again)")
      }
    }
    #expect(interrupted > 0)
  }

  @Test(
    "While a package comes from a slow mirror",
    arguments: [Tool.Signal.interrupt, .terminate, .kill])
  func fetching(_ signal: Tool.Signal) async throws {
    let repository = try await SignedRepository()
    let package = OutputTests.big.bytes
    try repository.folder.write("repository/pool/kernel+b1.deb", package)
    try await repository.writeIndex(extra: ["Version": "1"])
    try await repository.writeRelease(.init(date: repository.now - 3600))
    try await repository.sign()
    let server = try TestServer.files(below: repository.root, rate: 300_000)
    let bench = try CommandBench()
    let arguments = [
      "fetch", SignedRepository.package, "--mirror", server.address, "--suite", "test", "--arch",
      "amd64", "--keyring", repository.keyring, "--out", "new",
    ]
    let before = try await bench.listing()
    var interrupted = 0
    for after in [20, 60, 100, 150, 200, 250, 300] {
      let status = try await bench.interrupt(arguments, signal, after: .milliseconds(after))
      #expect(status == 128 + signal.number || status == 0)
      if status == 0 { break }
      interrupted += 1
      #expect(try await bench.listing() == before, "after \(after) ms")
      // Nothing is in the cache that is not complete.
      #expect(
        try await Tool.shell("find home -name '*.deb'", in: bench.folder.path) == "",
        "after \(after) ms")
    }
    #expect(interrupted > 0)
    let result = try await bench.run(arguments)
    #expect(result.status == 0, "\(result.errors)")
    #expect(try bench.folder.read("new/kernel+b1.deb") == package)
    #expect(try await bench.temporaries() == "")
  }
}

/// A small static program with a table of applets.
func staticProgram(_ applets: [String]) -> [UInt8] {
  var header = ByteWriter()
  header.append([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0])
  header.zeros(8)
  header.littleEndian(UInt16(2))  // e_type: an executable
  header.littleEndian(UInt16(62))  // e_machine: x86-64
  header.zeros(12)
  header.littleEndian(UInt64(64))  // e_phoff
  header.zeros(14)
  header.littleEndian(UInt16(56))  // e_phentsize
  header.littleEndian(UInt16(1))  // e_phnum
  header.zeros(6 + 56)
  header.append((["[", "[["] + applets.sorted()).flatMap { Array($0.utf8) + [0] } + [0])
  return header.bytes
}
