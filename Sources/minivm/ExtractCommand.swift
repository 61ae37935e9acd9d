import ArgumentParser
import Basics
import Formats
import Kits
import Logging
import Packages

struct ExtractCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract",
    abstract: "Copy files out of a root disk, modules disk or initramfs.",
    discussion: """
      Makes a folder, or a tar archive that keeps owners, devices and extended attributes without root rights.

      Examples:
        minivm extract root.qcow2 /etc --out etc
        minivm extract root.squashfs --out - | zstd >root.tar.zst
      """
  )

  @Argument(help: "Disk image or initramfs.", completion: .file())
  var image: String

  @Argument(help: "Folder or file in it (default: all of it).")
  var path = "/"

  @Option(
    help: ArgumentHelp(
      "New folder, FILE.tar, or - for a tar archive on stdout (default: a folder named as the image).",
      valueName: "place"))
  var out: String?

  func run() throws {
    let environment = try CommandEnvironment.make()
    defer { environment.reporter.progress.end() }
    let source = try FileSystemImage(image)
    let extraction = FileExtraction(source, path: path) {
      environment.reporter.progress.report("extracting \(FileTree.name(of: image))", $0, nil)
    }
    let place = out ?? Self.folderName(image)
    var sockets = 0
    switch place {
    case "-":
      sockets = try extraction.extract { try writeToStandardOutput($0) }
    case _ where place.hasSuffix(".tar"):
      let file = try OutputFile(replacing: place)
      var size = 0
      sockets = try extraction.extract { bytes in
        try file.write(bytes, at: size)
        size += bytes.count
      }
      try file.commit()
    default:
      let loss = try extraction.extract(toFolder: place)
      environment.reporter.progress.end()
      if let loss { environment.reporter.log.warning("\(loss); --out FILE.tar keeps them") }
    }
    environment.reporter.progress.end()
    if sockets > 0 {
      environment.reporter.log.warning(
        "\(sockets) \(sockets == 1 ? "socket is" : "sockets are") left out: tar has none")
    }
    if place != "-" { print(place) }
  }

  private static func folderName(_ image: String) -> String {
    let name = FileTree.name(of: image)
    for suffix in [".qcow2", ".raw", ".img", ".squashfs", ".sqfs", ".ext4"]
    where name.hasSuffix(suffix) && name.utf8.count > suffix.utf8.count {
      return String(name.dropLast(suffix.count))
    }
    return "\(name)-files"
  }
}
