import Basics
import Formats
import TestSupport
import Testing

/// `minivm check --root`: whether the disk has what the kernel starts.
@Suite struct RootContentsTests {
  /// Lines of shell that make the tree `r` in a folder with a static program `amd64`, and what check says of it.
  private static let roots: [(script: String, lines: [String], error: String?)] = [
    (
      "install -D amd64 r/sbin/init; mkdir -p r/usr/lib/modules; ln -s usr/lib r/lib",
      ["init            /sbin/init", "modules folder  /lib/modules"], nil
    ),
    ("install -D amd64 r/bin/sh", ["init            /bin/sh"], nil),
    (
      "mkdir r; cp amd64 r/shell; chmod 755 r/shell; printf '#!/shell -e' >r/start; chmod 755 r/start; mkdir r/etc; ln -s ../start r/etc/init",
      ["init            /etc/init"], nil
    ),
    ("mkdir -p r/etc", ["MISSING"], "it has no init: /sbin/init, /etc/init, /bin/init, /bin/sh"),
    ("install -m 644 -D amd64 r/sbin/init", ["MISSING"], "it has no init"),
    ("mkdir -p r/sbin; ln -s /sbin/init r/sbin/init", [], "leads through too many links"),
    ("install -D arm64 r/sbin/init", ["MISSING"], "/sbin/init is for arm64, the kernel for amd64"),
    (
      "mkdir -p r/sbin; printf '#!/bin/none' >r/sbin/init; chmod 755 r/sbin/init", ["MISSING"],
      "/sbin/init is a script for “/bin/none”, which it does not have"
    ),
    (
      "mkdir -p r/sbin; echo text >r/sbin/init; chmod 755 r/sbin/init", ["MISSING"],
      "/sbin/init is neither an ELF program nor a script"
    ),
    (
      "install -D /bin/true r/sbin/init", ["MISSING"],
      "/sbin/init needs /lib64/ld-linux-x86-64.so.2"
    ),
    (
      "install -D /bin/true r/sbin/init; mkdir r/lib64; cp amd64 r/lib64/ld-linux-x86-64.so.2",
      ["loader          /lib64/ld-linux-x86-64.so.2"], nil
    ),
  ]

  @Test("Init, its architecture, its loader and the folder for modules")
  func contents() async throws {
    let bench = try CommandBench()
    try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit", "--quiet"])
    var program = staticProgram(["sh"])
    try bench.folder.write("amd64", program)
    program[18] = 183
    try bench.folder.write("arm64", program)
    for (script, lines, error) in Self.roots {
      try await Tool.shell(
        "rm -rf r d.raw; \(script); truncate -s 8M d.raw; mke2fs -q -t ext4 -d r d.raw",
        in: bench.folder.path)
      let result = try await bench.run(["check", "kit", "--root", "d.raw"])
      // The made-up kernel reaches no root; what is said of the disk is.
      for line in lines { #expect(result.output.contains(line), "\(script): \(result)") }
      if let error {
        let json = try await bench.run(["check", "kit", "--root", "d.raw", "--json"])
        #expect((json.output + result.errors).contains(error), "\(script): \(json)")
      } else {
        #expect(
          !result.output.contains("init            /sbin/init     MISSING"), "\(script): \(result)")
        let json = try await bench.run(["check", "kit", "--root", "d.raw", "--json"])
        #expect(json.output.contains("\"startsInit\" : true"), "\(script): \(json)")
      }
    }
    try await bench.expectFailure(
      ["check", "kit", "--root", "none.raw"], 3, "none.raw: no such file")
    try await bench.expectFailure(["check", "kit", "--root", "p.deb"], 1, "p.deb: is neither")
  }
}
