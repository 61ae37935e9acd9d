import Formats
import Glibc

/// A folder for one test, which goes when the test is over.
package final class TemporaryFolder: Sendable {
  package let path: String

  package init() throws {
    var template = Array("\(Variables["TMPDIR"] ?? "/tmp")/minivm-test-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw FormatError.system("can't be made", path: "the test's folder")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    FileTree.remove(path)
  }

  package func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes a file.
  @discardableResult
  package func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let file = self(name)
    try FileTree.makeDirectories(FileTree.parent(of: file))
    try OutputFile.write(Array(bytes), to: file)
    return file
  }

  package func read(_ name: String) throws -> [UInt8] {
    try InputFile(self(name)).readAll(limit: 1 << 30)
  }
}

/// What scripts/test-cache fetched.
package enum TestCache {
  package static let folder =
    Variables["MINIVM_TEST_CACHE"]
    ?? "\(Variables["XDG_CACHE_HOME"] ?? "\(Variables["HOME"] ?? "")/.cache")/minivm-tests"

  /// A tree that dpkg-deb unpacked.
  package static func tree(_ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    guard FileTree.isDirectory(path) else {
      throw ToolFailure(description: "\(path) is missing: run scripts/test-cache")
    }
    return path
  }

  /// The packages that a tree was unpacked from.
  package static func packages(_ name: String) throws -> [String] {
    let list = try InputFile("\(folder)/\(name).list").readAll(limit: 1 << 20)
    return String(decoding: list, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The release of the one kernel in a tree.
  package static func release(in tree: String) throws -> String {
    for folder in ["\(tree)/lib/modules", "\(tree)/usr/lib/modules"]
    where FileTree.isDirectory(folder) {
      if let name = try FileTree.names(in: folder).first { return name }
    }
    throw ToolFailure(description: "\(tree) has no kernel")
  }
}

/// Variables of the tests' environment.
package enum Variables {
  package static subscript(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }
}

/// Random numbers that are the same in every run. SplitMix64.
package struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  package init(seed: UInt64) {
    state = seed
  }

  package mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
