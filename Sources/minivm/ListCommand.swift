import ArgumentParser
import Basics
import Formats
import Kits

struct ListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List the files of a root disk, modules disk or initramfs.",
    discussion: """
      Reads ext4 and squashfs disks (qcow2 or raw) and initramfs of any compression, without mounting them. Owners are \
      numbers, times are UTC.

      Examples:
        minivm ls -lR kit/initrd.img-6.1.0-44-cloud-amd64
        minivm ls root.qcow2 /etc --json
      """
  )

  @Argument(help: "Disk image or initramfs.", completion: .file())
  var image: String

  @Argument(help: "Folder or file in it (default: its root).")
  var path = "/"

  @Flag(name: .customShort("l"), help: "Show modes, owners, sizes, times and link targets.")
  var long = false

  @Flag(name: [.customShort("R"), .long], help: "List folders in folders, too.")
  var recursive = false

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func run() throws {
    let listing = FileListing(try FileSystemImage(image))
    var all: [ListedFile] = []
    var isFirst = true
    try listing.forEachFolder(at: path, isRecursive: recursive) { folder in
      guard !json else {
        all += folder.files
        return
      }
      if recursive, let path = folder.path {
        if !isFirst { print("") }
        print("\(path):")
      }
      isFirst = false
      let lines = long ? Self.long(folder.files) : folder.files.map(\.name)
      for (file, line) in zip(folder.files, lines) {
        print(folder.path == nil && !long ? file.path : line)
      }
    }
    if json { try printJSON(all) }
  }

  /// Lines as those of `ls -ln`.
  private static func long(_ files: [ListedFile]) -> [String] {
    let columns = files.map { file -> [String] in
      let size =
        file.device?.map(String.init).joined(separator: ", ") ?? "\(file.size ?? 0)"
      return ["\(file.links)", "\(file.owner)", "\(file.group)", size]
    }
    let widths = (0..<4).map { index in columns.map { $0[index].count }.max() ?? 0 }
    let hasMarks = files.contains { $0.attributes != nil }
    return zip(files, columns).map { file, columns in
      let numbers = zip(columns, widths).map { text, width in
        String(repeating: " ", count: width - text.count) + text
      }
      let mark = hasMarks ? (file.attributes == nil ? " " : "+") : ""
      let start = ([file.letters + mark] + numbers).joined(separator: " ")
      let target = file.target.map { " -> \($0)" } ?? ""
      return "\(start) \(UTCTime.text(file.modified)) \(file.name)\(target)"
    }
  }
}
