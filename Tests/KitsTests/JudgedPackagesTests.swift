import Basics
import Formats
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

/// Packages of a mirror, as scripts/judge-packages fetched them, judged by GNU tar and dpkg-deb.
@Suite struct JudgedPackagesTests {
  /// One entry, as `tar -tv` shows it: mode, owner, size, time, name and where it leads.
  private struct Line: Hashable, CustomStringConvertible {
    var mode: String
    var owner: String
    var size: String
    var time: String
    var name: String

    var description: String { "\(mode) \(owner) \(size) \(time) \(name)" }

    init(_ entry: TarEntry) {
      let kind: Character
      var suffix = ""
      var size = "\(entry.size)"
      switch entry.kind {
      case .file: kind = "-"
      case .directory: kind = "d"
      case .symbolicLink(let target): (kind, suffix) = ("l", " -> \(target)")
      case .hardLink(let path): (kind, suffix) = ("h", " link to \(path)")
      case .fifo: kind = "p"
      case .characterDevice(let major, let minor): (kind, size) = ("c", "\(major),\(minor)")
      case .blockDevice(let major, let minor): (kind, size) = ("b", "\(major),\(minor)")
      }
      mode = String(kind) + Self.permissions(entry.mode)
      owner = "\(entry.owner)/\(entry.group)"
      self.size = size
      time = Self.time(entry.modified)
      name = entry.path + suffix
    }

    /// - Parameter text: a line of `tar -tv --full-time --numeric-owner`.
    init?(_ text: Substring) {
      let words = text.split(separator: " ", maxSplits: 5)
      guard words.count >= 5 else { return nil }
      (mode, owner, size) = (String(words[0]), String(words[1]), String(words[2]))
      time = "\(words[3]) \(words[4])"
      name = words.count == 6 ? Self.plain(words[5], isLink: mode.first == "h") : ""
    }

    /// The name without `./` before it and `/` behind it, and so for what a hard link leads to.
    private static func plain(_ text: Substring, isLink: Bool) -> String {
      func trimmed(_ path: Substring) -> Substring {
        var path = path.hasPrefix("./") ? path.dropFirst(2) : path
        if path.hasSuffix("/") { path = path.dropLast() }
        return path
      }
      if isLink, let link = text.firstRange(of: " link to ") {
        return "\(trimmed(text[..<link.lowerBound])) link to \(trimmed(text[link.upperBound...]))"
      }
      if let arrow = text.firstRange(of: " -> ") {
        return "\(trimmed(text[..<arrow.lowerBound]))\(text[arrow.lowerBound...])"
      }
      return String(trimmed(text))
    }

    private static func permissions(_ mode: UInt32) -> String {
      var text = ""
      for (shift, special, letter) in [(6, 0o4000, "s"), (3, 0o2000, "s"), (0, 0o1000, "t")]
        as [(UInt32, UInt32, String)]
      {
        let bits = mode >> shift
        let isSpecial = mode & special != 0
        text += bits & 4 != 0 ? "r" : "-"
        text += bits & 2 != 0 ? "w" : "-"
        text += bits & 1 != 0 ? (isSpecial ? letter : "x") : (isSpecial ? letter.uppercased() : "-")
      }
      return text
    }

    /// In UTC. The days are counted from the first of March, so that leap days end years.
    private static func time(_ seconds: Int) -> String {
      func two(_ number: Int) -> String { (number < 10 ? "0" : "") + String(number) }
      var (days, rest) = (seconds / 86400, seconds % 86400)
      if rest < 0 { (days, rest) = (days - 1, rest + 86400) }
      days += 719_468
      let era = days / 146_097
      let day = days % 146_097
      let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365
      let ofYear = day - (365 * year + year / 4 - year / 100)
      let month = (5 * ofYear + 2) / 153
      let date = ofYear - (153 * month + 2) / 5 + 1
      let number = month < 10 ? month + 3 : month - 9
      let fullYear = year + era * 400 + (number <= 2 ? 1 : 0)
      return
        "\(fullYear)-\(two(number))-\(two(date)) \(two(rest / 3600)):\(two(rest / 60 % 60)):\(two(rest % 60))"
    }
  }

  @Test("Names, types, sizes, modes, owners, times and links of every entry")
  func entries() async throws {
    let folder = "\(TestCache.folder)/judged"
    let packages = try FileTree.names(in: folder).filter { $0.hasSuffix(".deb") }
    for suite in ["bookworm", "trixie"] {
      let count = packages.count { $0.hasPrefix("\(suite)-") }
      #expect(count >= 20, "\(count) packages of \(suite): run scripts/test-cache")
    }
    var entries = 0
    for name in packages {
      let path = "\(folder)/\(name)"
      var ours: [Line] = []
      var bytes = 0
      let package = try DebArchive(path)
      try package.forEachEntry(jobs: 1) { entry, tar in
        ours.append(Line(entry))
        try tar.body.forEachPiece { bytes += $0.count }
      }
      let listing = try await Tool.shell(
        """
        dpkg-deb --fsys-tarfile "$0" |
          tar -tvf - --full-time --numeric-owner --utc --quoting-style=literal
        """.replacing("\"$0\"", with: "'\(path)'"), in: folder,
        environment: ["LC_ALL": "C.UTF-8", "TZ": "UTC"])
      let theirs = listing.split(separator: "\n").compactMap { Line($0) }
      #expect(ours.count == theirs.count, "\(name)")
      for (our, their) in zip(ours, theirs) where our != their {
        Issue.record("\(name): \(our), and tar says \(their)")
      }
      // dpkg-deb has names of owners, and no seconds.
      let contents = try await Tool.shell(
        "dpkg-deb -c '\(path)'", in: folder, environment: ["LC_ALL": "C.UTF-8", "TZ": "UTC"]
      )
      .split(separator: "\n").compactMap { Line($0) }
      #expect(
        ours.map { "\($0.mode) \($0.size) \($0.name)" }
          == contents.map { "\($0.mode) \($0.size) \($0.name)" }, "\(name)")
      let sizes = ours.filter { $0.mode.first == "-" }.reduce(0) { $0 + (Int($1.size) ?? 0) }
      #expect(bytes == sizes, "\(name)")
      let control = try await Tool.output(
        "dpkg-deb", ["-f", path, "Package", "Version", "Architecture"])
      let field = { (key: String) in
        control.split(separator: "\n").first { $0.hasPrefix("\(key): ") }.map {
          String($0.dropFirst(key.count + 2))
        }
      }
      #expect(
        package.control.package == field("Package") && package.control.version == field("Version"))
      #expect(package.control.architecture == field("Architecture"))
      entries += ours.count
    }
    print("\(packages.count) packages with \(entries) entries judged")
  }
}
