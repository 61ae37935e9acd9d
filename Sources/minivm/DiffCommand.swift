import ArgumentParser
import Basics
import Formats
import Kits

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two kits, root disks, modules disks or initramfs.",
    discussion: """
      Compares kernels, configurations, modules, initramfs and sizes; of two images all files, with their content, \
      owners, modes, times and extended attributes. Exit codes are those of diff(1): 0 when they are the same, 1 when \
      they differ.

      Examples:
        minivm diff old-kit kit
        minivm diff trixie-1.qcow2 trixie-2.qcow2
        minivm diff kit/manifest-A.json kit/manifest-B.json --json
      """
  )

  @Argument(
    help: "Kit (a folder, or a manifest-VER.json in a folder with several kernels), or an image.",
    completion: .file())
  var from: String

  @Argument(help: "Kit or image to compare with.", completion: .file())
  var to: String

  @Flag(help: "Show whole lists instead of 20 lines.")
  var all = false

  @OptionGroup var work: WorkOptions

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func run() throws {
    if Self.isImage(from), Self.isImage(to) { return try compareImages() }
    let comparison = try KitComparison(Kit(from), Kit(to), jobs: work.jobs)
    if json {
      try printJSON(comparison)
    } else {
      DifferenceText(lineLimit: all ? .max : 20).show(comparison)
    }
    if !comparison.isSame { throw ExitCode(KitError.Code.invalid.rawValue) }
  }

  private static func isImage(_ path: String) -> Bool {
    !path.hasSuffix(".json") && FileTree.status(path, followingLink: true)?.kind == .file
  }

  private func compareImages() throws {
    let changes = try ImageChanges(images: [from, to], jobs: work.jobs)
    if json {
      try printJSON(changes)
    } else if changes.isEmpty {
      print("the images hold the same files")
    } else {
      DifferenceText(lineLimit: all ? .max : 20).show(changes)
    }
    if !changes.isEmpty { throw ExitCode(KitError.Code.invalid.rawValue) }
  }
}
