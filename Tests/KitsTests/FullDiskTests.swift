import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// The program on file systems without room: a clear error, nothing half-written, and the next run
/// succeeds.
@Suite struct FullDiskTests {
  /// A small disk in the place of a folder, as `mount -t tmpfs -o` has it.
  static let disks = [
    "size=4k", "size=32k", "size=1m", "size=2m", "nr_inodes=2", "nr_inodes=4", "nr_inodes=6",
  ]

  /// Runs lines of shell in which `$folder` is a disk of its own, which goes when they end.
  ///
  /// Root may mount, and so may anybody who is root in a namespace of their own. unshare(1).
  private func shell(
    _ script: String, on folder: String, _ disk: String, _ place: DownloadProgramTests.Place,
    _ words: [String]
  ) async throws -> String {
    try FileTree.makeDirectories(folder)
    let quoted = words.map { "'\($0)'" }.joined(separator: " ")
    let start = """
      folder='\(folder)'
      minivm() { '\(TestKit.program)' \(quoted); }
      # What a run says that has to fail, with its exit code.
      failing() { if minivm >/dev/null 2>errors; then echo 0; else echo $?; fi; cat errors; rm errors; }
      mount -t tmpfs -o \(disk) none "$folder"
      enlarge() { mount -o remount,size=1g,nr_inodes=9999 "$folder"; }

      """
    let asRoot = try await Tool.output("id", ["-u"]).hasPrefix("0\n") ? [] : ["--map-root-user"]
    return try await Tool.output(
      "unshare", asRoot + ["--mount", "sh", "-euc", start + script], in: place.folder.path,
      environment: place.variables)
  }

  private func expectFull(_ output: String, _ disk: String) {
    let lines = output.split(separator: "\n").filter { !$0.hasPrefix("minivm: warning: ") }
    #expect(lines.count == 2 && lines.first == "1", "\(disk): \(output)")
    #expect(lines.last?.contains("No space left on device") == true, "\(disk): \(output)")
  }

  @Test("The cache", arguments: disks)
  func cache(_ disk: String) async throws {
    let place = try await DownloadProgramTests.Place()
    let server = try TestServer.files(below: place.repository.root)
    try FileTree.makeDirectories(place.folder("out"))
    let output = try await shell(
      """
      failing; ls -A out
      enlarge; minivm >/dev/null
      cmp out/kernel+b1.deb '\(place.repository.root)/pool/kernel+b1.deb'
      cp -r cache kept
      """, on: place.folder("cache"), disk, place, place.fetch(server.address))
    expectFull(output, disk)
    FileTree.remove(place.folder("cache"))
    try FileTree.rename(place.folder("kept"), to: place.folder("cache"))
    try await place.check(output: "kernel+b1.deb")
    // What had come before the disk was full did not come again.
    if disk == "size=2m" { #expect(server.requests.contains { ($0.offset ?? 0) > 1_000_000 }) }
  }

  @Test("The folder for results of fetch", arguments: ["size=4k", "size=1m", "nr_inodes=2"])
  func fetched(_ disk: String) async throws {
    let place = try await DownloadProgramTests.Place()
    let server = try TestServer.files(below: place.repository.root)
    let output = try await shell(
      """
      echo mine >out/kernel+b1.deb
      failing; [ "$(ls -A out) $(cat out/*)" = "kernel+b1.deb mine" ]
      enlarge; minivm >/dev/null
      cmp out/kernel+b1.deb '\(place.repository.root)/pool/kernel+b1.deb'
      """, on: place.folder("out"), disk, place, place.fetch(server.address))
    if disk == "nr_inodes=2" {
      // The file that was there takes the place of the one that goes: there may be room enough.
      #expect(output == "" || output.contains("No space left on device"), "\(output)")
    } else {
      expectFull(output, disk)
    }
    try await place.check(output: "")
  }

  @Test("The folder for results of build", arguments: ["size=32k", "size=300k", "nr_inodes=4"])
  func built(_ disk: String) async throws {
    let place = try await DownloadProgramTests.Place(OutputTests.big)
    let server = try TestServer.files(below: place.repository.root)
    let output = try await shell(
      """
      failing; ls -A out
      enlarge; minivm >/dev/null
      cd out; sha256sum -c --quiet SHA256SUMS
      """, on: place.folder("out"), disk, place, place.build(server.address))
    expectFull(output, disk)
    try await place.check(output: "")
  }

  @Test(
    "The folder for temporary files, where the list is checked",
    arguments: ["size=4k", "size=12k", "size=16k", "size=48k", "nr_inodes=2", "nr_inodes=4"])
  func temporaries(_ disk: String) async throws {
    let place = try await DownloadProgramTests.Place()
    let server = try TestServer.files(below: place.repository.root)
    // A list that is longer than the disk, or fits into it once, but not with what gpgv makes of it.
    let list = "\(place.repository.suiteFolder)/Release"
    let text = try InputFile(list).readAll(limit: 1 << 20)
    let more = "Description: \(String(repeating: "x", count: 5000))\n"
    try place.repository.folder.write("repository/dists/test/Release", Array(more.utf8) + text)
    try await place.repository.sign()
    let output = try await shell(
      """
      export TMPDIR="$folder"
      failing; ls -A "$folder"
      enlarge; minivm >/dev/null
      """, on: place.folder("tmp"), disk, place, place.fetch(server.address))
    if disk == "size=48k" { #expect(output == "0\n") } else { expectFull(output, disk) }
  }
}
