import ArgumentParser
import Basics
import Formats
import Kits

struct CatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cat",
    abstract: "Print a file of a root disk, modules disk or initramfs.",
    discussion: """
      Example:
        minivm cat root.qcow2 /etc/os-release
      """
  )

  @Argument(help: "Disk image or initramfs.", completion: .file())
  var image: String

  @Argument(help: "File in it; links are followed.")
  var path: String

  func run() throws {
    let image = try FileSystemImage(image)
    let inode = try image.find(path)
    guard case .file = try inside(image.path, { try image.files.inode(inode).kind }) else {
      throw KitError(.invalid, "\(image.path): \(path.quoted) is no file")
    }
    try inside(image.path) {
      try image.files.content(ofFile: inode).forEachPiece { try writeToStandardOutput($0) }
    }
    try image.checkUnchanged()
  }
}
