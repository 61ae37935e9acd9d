import Formats
import Foundation
import TestSupport
import Testing

/// Who may know whom: the compiler keeps the order of targets, these keep that of the folders in them.
@Suite struct HouseTests {
  private struct Source {
    /// Below Sources.
    var folder: String
    /// Without comments and the texts in quotes.
    var code: String
  }

  /// The lowest first.
  private static let targets = [
    "Formats", "Basics", "Packages", "Modules", "Machines", "Kits", "minivm",
  ]

  private static func sources() throws -> [Source] {
    let root = "\(TestKit.repository)/Sources"
    let files = try #require(FileManager.default.enumerator(atPath: root))
    return try files.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted().map {
      let text = String(
        decoding: try InputFile("\(root)/\($0)").readAll(limit: 1 << 20), as: UTF8.self)
      let code = text.replacing(/"""(?s:.)*?"""/, with: "")
        .replacing(/"(?:\\.|[^"\\\n])*"/, with: "").replacing(/\/\/.*/, with: "")
      return Source(folder: FileTree.parent(of: $0), code: code)
    }
  }

  /// The types of a file, but for those that nobody else sees.
  private static func types(_ code: String) -> [String] {
    code.matches(
      of:
        /(?m)^(?:(?:@\w+|package|final|indirect|nonisolated) )*(?:struct|class|enum|actor|protocol|typealias) (\w+)/
    ).map { String($0.output.1) }
  }

  /// Which folder names types of which other one, and which types.
  private static func uses() throws -> [String: [String: Set<String>]] {
    let sources = try sources()
    var homes: [String: Set<String>] = [:]
    for source in sources {
      for type in types(source.code) { homes[type, default: []].insert(source.folder) }
    }
    var uses: [String: [String: Set<String>]] = [:]
    for source in sources {
      let words = Set(source.code.matches(of: /\b[A-Z]\w+/).map { String($0.output) })
      for word in words {
        // A name that two folders have tells nothing.
        guard let home = homes[word], home.count == 1, let folder = home.first,
          folder != source.folder
        else { continue }
        uses[source.folder, default: [:]][folder, default: []].insert(word)
      }
    }
    return uses
  }

  @Test("No two folders use each other")
  func pairs() throws {
    let uses = try Self.uses()
    #expect(uses.count > 20)
    for (folder, others) in uses {
      for (other, types) in others where folder < other {
        let back = uses[other]?[folder] ?? []
        #expect(
          back.isEmpty,
          "\(folder) uses \(types.sorted()) of \(other), which uses \(back.sorted()) of it")
      }
    }
  }

  @Test("No layer names one above")
  func layers() throws {
    func rank(_ folder: String) -> Int? {
      Self.targets.firstIndex(of: String(folder.prefix { $0 != "/" }))
    }
    for (folder, others) in try Self.uses() {
      let own = try #require(rank(folder), "\(folder) is in no layer")
      for (other, types) in others {
        let theirs = try #require(rank(other), "\(other) is in no layer")
        #expect(theirs <= own, "\(folder) uses \(types.sorted()) of \(other)")
      }
    }
  }
}
