import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The real program with less than it wants of what a system has to give, and with a clock that was never set.
@Suite struct ResourceTests {
  private static let build = OutputTests.commands["build", default: []].joined(separator: " ")

  @Test(
    "Without memory it may abort, but does not hang, and loses nothing",
    arguments: [80_000, 150_000, 250_000, 400_000, 4_000_000])
  func limitedMemory(_ kilobytes: Int) async throws {
    let bench = try await OutputTests.bench()
    let before = try await bench.listing()
    try bench.folder.write("t/more", [1])
    let result = try await bench.shell(
      "ulimit -v \(kilobytes); SWIFT_BACKTRACE=enable=no exec timeout -s KILL 60 \"$minivm\" \(Self.build)"
    )
    #expect(result.status != 137, "\(kilobytes) KiB: \(result.errors)")
    // The least is too little for the program alone, the most is enough for the build.
    #expect(kilobytes > 80_000 || result.status != 0)
    #expect(kilobytes < 4_000_000 || result.status == 0, "\(result.errors)")
    if result.status == 0 {
      try await Tool.shell("cd out; sha256sum --quiet -c SHA256SUMS", in: bench.folder.path)
      let after = try await bench.listing()
      #expect(after != before)
      return
    }
    // An aborted program leaves what has a temporary name.
    try await Tool.shell("rm -rf t/more; find . -name '.minivm-*' -delete", in: bench.folder.path)
    let after = try await bench.listing()
    #expect(after == before, "\(kilobytes) KiB: \(result.errors)")
  }

  /// An allocator that puts a mark before each block, and aborts for a block that has none.
  private static let markingAllocator = """
    #define _GNU_SOURCE
    #include <stdlib.h>
    #include <string.h>
    #include <unistd.h>
    #include <sys/mman.h>
    struct mark { size_t magic, size; };
    static const size_t magic = 0x6d696e69766d6d61;
    void *aligned_alloc(size_t alignment, size_t size) {
      if (alignment < 64) alignment = 64;
      size_t whole = (size + 2 * alignment + 4095) / 4096 * 4096;
      static __thread char *room;
      static __thread size_t left;
      if (left < whole) {
        left = whole > 1 << 24 ? whole : 1 << 24;
        room = mmap(0, left, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      }
      if (room == MAP_FAILED) { left = 0; return 0; }
      size_t taken = (size + 2 * alignment + 63) / 64 * 64;
      char *block = room + alignment;
      block = (char *)(((size_t)block + alignment - 1) / alignment * alignment);
      room += taken; left -= taken;
      struct mark *mark = (struct mark *)block - 1;
      mark->magic = magic; mark->size = size;
      return block;
    }
    static struct mark *of(void *block) {
      struct mark *mark = (struct mark *)block - 1;
      if (mark->magic != magic) {
        const char text[] = "a block of another allocator\\n";
        if (write(2, text, sizeof text - 1)) {}
        abort();
      }
      return mark;
    }
    void *malloc(size_t size) { return aligned_alloc(64, size); }
    void free(void *block) { if (block) of(block); }
    void *calloc(size_t count, size_t size) { return malloc(count * size); }
    void *memalign(size_t alignment, size_t size) { return aligned_alloc(alignment, size); }
    void *realloc(void *block, size_t size) {
      void *other = malloc(size);
      if (block) memcpy(other, block, of(block)->size < size ? of(block)->size : size);
      return other;
    }
    int posix_memalign(void **block, size_t alignment, size_t size) {
      return (*block = aligned_alloc(alignment, size)) ? 0 : 12;
    }
    size_t malloc_usable_size(void *block) { return block ? of(block)->size : 0; }

    """

  @Test("Any allocator will do", arguments: ["libjemalloc.so.2", "./marking.so"])
  func allocators(_ library: String) async throws {
    let bench = try CommandBench(OutputTests.big)
    try bench.folder.write("marking.c", Self.markingAllocator.utf8)
    try await Tool.shell("gcc -shared -fPIC -O1 -o marking.so marking.c", in: bench.folder.path)
    let result = try await bench.shell(
      """
      set -e
      "$minivm" \(Self.build); mv out expected
      LD_PRELOAD=\(library) "$minivm" --version
      LD_PRELOAD=\(library) "$minivm" \(Self.build)
      diff -r expected out
      """)
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    #expect(result.output.contains(ProgramVersion.current))
    #expect(!result.errors.contains("cannot be preloaded"), "\(result.errors)")
  }

  @Test(
    "Where threads can't be had, it ends with a line",
    arguments: ["EPERM:when=1+", "EAGAIN:when=1+", "EAGAIN:when=2+", "EAGAIN:when=6+"],
    ["build", "depmod"])
  func threads(_ failure: String, _ command: String) async throws {
    let bench = try await OutputTests.bench()
    let before = try await bench.listing()
    let arguments = OutputTests.commands[command, default: []].joined(separator: " ")
    let result = try await bench.shell(
      "exec timeout -s KILL 60 strace -f -qq -o /dev/null -e trace=clone3 -e inject=clone3:error=\(failure) \"$minivm\" \(arguments)"
    )
    try await bench.expectFailure(
      result, 1, ["cannot start", failure.hasPrefix("EPERM") ? "seccomp" : "ulimit -u"],
      before: before, what: "\(command), \(failure)")
  }

  @Test(
    "With one job all is done by one thread", arguments: ["unpack", "modules2qcow2", "mkinitramfs"])
  func oneJob(_ command: String) async throws {
    let bench = try await OutputTests.bench()
    /// Threads that were started: those of a command that does nothing are for signals, and tried.
    func started(_ arguments: [String]) async throws -> Int {
      let result = try await Tool.run(
        "strace",
        ["-f", "-qq", "-e", "trace=clone,clone3", "-o", bench.folder("trace"), TestKit.program]
          + arguments, in: bench.folder.path, environment: ["HOME": bench.folder("home")])
      #expect(result.status == 0, "\(result.errors)")
      return String(decoding: try bench.folder.read("trace"), as: UTF8.self)
        .split(separator: "\n").count { $0.contains("CLONE_THREAD") }
    }
    let none = try await started(["profiles"])
    let arguments = OutputTests.commands[command, default: []]
    #expect(try await started(arguments + ["--jobs", "1"]) == none)
    if command == "unpack" { return }
    #expect(try await started(arguments + ["--jobs", "2"]) > none)
  }

  @Test("With one job, one thread of a build reads and writes, also for what is done meanwhile")
  func oneJobOfBuild() async throws {
    let bench = try await OutputTests.bench()
    for cache in [["--no-cache"], [], []] {
      let result = try await Tool.run(
        "strace",
        [
          "-f", "-qq", "-e", "trace=pread64,pwrite64,fsync", "-o", bench.folder("trace"),
          TestKit.program, "build", "p.deb", "--template", "t", "--out", "out", "--jobs", "1",
        ] + cache, in: bench.folder.path,
        environment: ["HOME": bench.folder("home"), "XDG_CACHE_HOME": bench.folder("home")])
      #expect(result.status == 0, "\(result.errors)")
      let trace = String(decoding: try bench.folder.read("trace"), as: UTF8.self)
      // The loader's reads come first, on the main thread.
      let calls = trace.split(separator: "\n").filter { !$0.contains("\\177ELF") }
      let threads = Set(
        calls.compactMap { $0.split(separator: " ").first }
      )
      let main = calls.first?.split(separator: " ").first
      #expect(threads.subtracting([main].compactMap { $0 }).count <= 1, "\(threads)")
    }
  }

  @Test("Too few open files end in one line", arguments: [6, 7, 11, 18, 40, 63, 64])
  func openFiles(_ count: Int) async throws {
    let bench = try await OutputTests.bench()
    let before = try await bench.listing()
    let result = try await bench.shell(
      "SWIFT_BACKTRACE=enable=no exec prlimit --nofile=\(count) \"$minivm\" \(Self.build) >/dev/null"
    )
    if count == 64 {
      #expect(result.status == 0, "\(result.errors)")
    } else {
      // The least are not enough for the libraries that a debug build loads: the program has not begun.
      if result.errors.contains("error while loading shared libraries") {
        let after = try await bench.listing()
        #expect(count < 18 && result.status == 127 && after == before, "\(count) files")
        return
      }
      try await bench.expectFailure(
        result, 1, ["may have \(count) open files"], before: before, what: "\(count) files")
    }
  }

  @Test(
    "What is in place needs no other thread, which might not be had",
    arguments: OutputTests.commands.keys.sorted())
  func lastThread(_ command: String) async throws {
    let bench = try await OutputTests.bench()
    try await Self.expectNoLateThread(
      OutputTests.commands[command, default: []], in: bench.folder,
      environment: ["HOME": bench.folder("home"), "XDG_CACHE_HOME": bench.folder("home")])
  }

  @Test("What was fetched needs no other thread")
  func lastThreadOfFetch() async throws {
    let place = try await DownloadProgramTests.Place()
    let server = try TestServer.files(below: place.repository.root)
    try await Self.expectNoLateThread(
      place.fetch(server.address), in: place.folder, environment: place.variables)
  }

  /// Runs a command under strace: no thread may begin after the last result has got its name.
  static func expectNoLateThread(
    _ arguments: [String], in folder: TemporaryFolder, environment: [String: String]
  ) async throws {
    let calls = "trace=clone,clone3,rename,renameat,renameat2"
    let result = try await Tool.run(
      "strace", ["-f", "-qq", "-e", calls, "-o", folder("trace"), TestKit.program] + arguments,
      in: folder.path, environment: environment)
    #expect(result.status == 0, "\(result.errors)")
    let trace = String(decoding: try folder.read("trace"), as: UTF8.self)
      .split(separator: "\n")
    let last = try #require(trace.lastIndex { $0.contains("rename") })
    let late = trace[last...].filter { $0.contains("CLONE_THREAD") }
    #expect(late == [], "\(arguments.joined(separator: " "))")
    #expect(trace[..<last].contains { $0.contains("CLONE_THREAD") })
  }

  @Test("A clock of 1970 is named, not the keys")
  func clock() async throws {
    let folder = try TemporaryFolder()
    let repository = DebianRepository(
      suites: [DebianSuite(mirror: "http://127.0.0.1:1", suite: "test")],
      environment: .testing(cache: folder("cache"), now: 60))
    let error = try await #require(throws: KitError.self) {
      try await repository.newest("x", architecture: "amd64")
    }
    #expect(error.code == .unverified)
    #expect(error.message.contains("clock says 1970-01-01T00:01:00Z"))
  }
}
