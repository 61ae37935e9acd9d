import Formats
import TestSupport

/// A Debian package of made-up files, legal or not.
struct MadeUpPackage {
  struct Entry {
    var path: [UInt8]
    var type: Character = "0"
    var mode = 0o644
    var modified = 1_000_000_000
    var link = ""
    var content: [UInt8] = []
    /// What the header says, where that is not true.
    var size: [UInt8]?

    init(
      _ path: String, _ type: Character = "0", mode: Int = 0o644, link: String = "",
      content: [UInt8] = [], size: [UInt8]? = nil
    ) {
      self.path = Array(path.utf8)
      (self.type, self.mode, self.link) = (type, mode, link)
      (self.content, self.size) = (content, size)
    }
  }

  static let release = "6.1.0-1-x"
  static let tree = "./lib/modules/\(release)"

  var name = "linux-image-\(release)"
  var entries: [Entry] = []

  /// A kernel with one module, `kernel/fs/x.ko`.
  static var kernel: MadeUpPackage {
    var package = MadeUpPackage()
    package.add("./boot/vmlinuz-\(release)", vmlinuz)
    package.add("./boot/config-\(release)", Array("CONFIG_RD_ZSTD=y\n".utf8))
    for folder in ["", "/kernel", "/kernel/fs"] {
      package.entries.append(Entry("\(tree)\(folder)/", "5", mode: 0o755))
    }
    package.add("\(tree)/kernel/fs/x.ko", ELFModuleBuilder(information: ["license=GPL"]).bytes())
    for list in ["modules.order", "modules.builtin", "modules.builtin.modinfo"] {
      package.add("\(tree)/\(list)", list == "modules.order" ? Array("kernel/fs/x.ko\n".utf8) : [])
    }
    return package
  }

  /// What is taken for a kernel of amd64.
  static let vmlinuz =
    [UInt8](repeating: 0, count: 0x202) + Array("HdrS".utf8)
    + [UInt8](repeating: 7, count: 2000)

  mutating func add(_ path: String, _ content: [UInt8]) {
    entries.append(Entry(path, content: content))
  }

  /// The .deb, uncompressed.
  var bytes: [UInt8] {
    let control = "Package: \(name)\nVersion: 1\nArchitecture: amd64\n"
    return Self.ar([
      ("debian-binary", Array("2.0\n".utf8)),
      ("control.tar", Self.tar([Entry("./control", content: Array(control.utf8))])),
      ("data.tar", Self.tar(entries)),
    ])
  }

  static func ar(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
    var bytes = Array("!<arch>\n".utf8)
    for (name, content) in members {
      bytes += padded(name, 16) + padded("0", 12) + padded("0", 6) + padded("0", 6)
      bytes += padded("100644", 8) + padded("\(content.count)", 10) + [0x60, 0x0a] + content
      if content.count % 2 == 1 { bytes.append(0x0a) }
    }
    return bytes
  }

  static func tar(_ entries: [Entry]) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in entries {
      var header = [UInt8](repeating: 0, count: 512)
      func put(_ field: some Sequence<UInt8>, at offset: Int) {
        for (index, byte) in field.enumerated() { header[offset + index] = byte }
      }
      func octal(_ value: Int, _ digits: Int) -> [UInt8] {
        let text = String(value, radix: 8)
        return Array((String(repeating: "0", count: max(0, digits - text.count)) + text).utf8)
      }
      put(entry.path.prefix(100), at: 0)
      put(octal(entry.mode, 7), at: 100)
      put(octal(0, 7), at: 108)
      put(octal(0, 7), at: 116)
      put(entry.size ?? octal(entry.content.count, 11), at: 124)
      put(octal(entry.modified, 11), at: 136)
      put([UInt8](repeating: 0x20, count: 8), at: 148)
      header[156] = entry.type.asciiValue ?? 0
      put(entry.link.utf8, at: 157)
      put("ustar\u{0}00".utf8, at: 257)
      put(octal(header.reduce(0) { $0 + Int($1) }, 6) + [0], at: 148)
      bytes += header + entry.content
      bytes += [UInt8](repeating: 0, count: (512 - entry.content.count % 512) % 512)
    }
    return bytes + [UInt8](repeating: 0, count: 1024)
  }

  private static func padded(_ text: String, _ width: Int) -> [UInt8] {
    Array(text.utf8) + [UInt8](repeating: 0x20, count: width - text.utf8.count)
  }
}
