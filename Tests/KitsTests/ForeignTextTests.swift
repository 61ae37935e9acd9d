import Formats
import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// What kits, lists and mirrors say of themselves, on the way to a terminal.
@Suite struct ForeignTextTests {
  /// Escape, its single-byte form, a right-to-left override.
  private static let hostile = "x\u{1b}]0;owned\u{7}\u{9b}2J\u{202e}"

  private static func isSafe(_ text: String) -> Bool {
    !text.unicodeScalars.contains { $0.isControl && $0 != "\n" && $0 != "\t" }
  }

  @Test("Control characters of a kit's files reach no terminal, as text or as JSON")
  func kits() async throws {
    let bench = try CommandBench()
    _ = try await bench.run(["build", "p.deb", "--template", "t", "--out", "kit", "--quiet"])
    let release = CommandBench.release
    let path = "kit/manifest-\(release).json"
    let text = String(decoding: try bench.folder.read(path), as: UTF8.self)
    var manifest = try JSON.decode(Manifest.self, from: Array(text.utf8))
    manifest.inputs[0].package = Self.hostile
    manifest.minivm = Self.hostile
    for index in manifest.initramfsModules.indices {
      manifest.initramfsModules[index].reasons = ["\(Self.hostile): y"]
    }
    _ = try await bench.run(["build", "p.deb", "--template", "t", "--out", "old", "--quiet"])
    let hostile = String(decoding: try JSON.encode([Self.hostile]), as: UTF8.self)
      .split(separator: "\"", omittingEmptySubsequences: false).dropFirst().dropLast()
      .joined(separator: "\"")
    let written = String(decoding: try JSON.encode(manifest), as: UTF8.self)
      .replacing("\"profile\" : \"qemu\"", with: "\"profile\" : \"\(hostile)\"")
    #expect(written.contains(hostile))
    try bench.folder.write(path, written.utf8)
    for command in [
      ["diff", "old", "kit"], ["explain", "kit", "x"], ["explain", "kit"],
      ["verify", "kit", "--template", "t"], ["check", "kit", "--machine", "q35"],
      ["explain", "kit", Self.hostile], ["unpack", "p.deb", "--out", "new\u{1b}[2J"],
    ] {
      for form in [[], ["--json"]] where command[0] != "unpack" || form.isEmpty {
        let result = try await bench.run(command + form)
        #expect(!(result.output + result.errors).isEmpty, "\(command)")
        #expect(Self.isSafe(result.output), "\(command + form): \(result.output.debugDescription)")
        #expect(Self.isSafe(result.errors), "\(command + form): \(result.errors.debugDescription)")
      }
    }
    let parsed = try await bench.run(["explain", "kit", "x", "--json"])
    let item = try JSON.decode(KitExplanation.Item.self, from: Array(parsed.output.utf8))
    #expect(item.reasons == ["\(Self.hostile): y"], "escaped JSON means the same")
  }

  @Test("A cached result's label with control characters")
  func cache() async throws {
    let bench = try CommandBench()
    let folder = "home/minivm/results/\(String(repeating: "a", count: 64))"
    try bench.folder.write("\(folder)/label", Self.hostile.utf8)
    try bench.folder.write("\(folder)/entry.json", "x".utf8)
    for form in [[], ["--json"]] {
      let result = try await bench.run(["cache", "ls"] + form)
      #expect(result.output.contains("owned"), "\(result.output)")
      #expect(Self.isSafe(result.output), "\(result.output.debugDescription)")
    }
  }

  @Test("Sizes that nothing has are printed like others")
  func sizes() async throws {
    let bench = try CommandBench()
    let made = try await bench.shell(
      """
      set -e; "$minivm" build p.deb --template t --out kit --quiet; cp -r kit old; cd kit
      sed -i 's/"size" : [0-9]*/"size" : 9223372036854775807/' manifest-*.json
      """)
    #expect(made.status == 0, "\(made.errors)")
    for command in [
      ["diff", "old", "kit"], ["explain", "kit"], ["verify", "kit", "--template", "t"],
      ["verify", "kit", "--template", "t", "--json"],
    ] {
      let result = try await bench.run(command)
      #expect([0, 1, 3, 4].contains(result.status), "\(command): \(result.status)")
    }
  }

  @Test("Numbers of a list with a sign are none")
  func numbers() throws {
    #expect(Int(digits: "+5") == nil && Int(digits: "-5") == nil && Int(digits: "") == nil)
    #expect(Int(digits: " 5") == nil && Int(digits: "5") == 5)
    #expect(Int.max.addingSaturated(1) == .max && 2.addingSaturated(3) == 5)
  }
}
