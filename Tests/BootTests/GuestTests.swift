import TestSupport
import Testing

/// The RAM disk's init in a machine. `scripts/guest-test` has many more cases; these stand for the
/// ways in: by name, by label, with the modules disk, and through the shell.
@Suite(.serialized) struct GuestTests {
  @Test(arguments: ["dev_scsi", "label_quoted", "modules_disk", "recovery"])
  func bootsRoot(_ name: String) async throws {
    let root = String(#filePath.split(separator: "Tests/BootTests")[0])
    let result = try await Tool.run("\(root)scripts/guest-test", [name])
    #expect(result.status == 0, "\(result.output)\(result.errors)")
  }
}
