import Formats
import Glibc

/// A folder for one test, which goes when the test is over.
public final class TemporaryFolder: Sendable {
  public let path: String

  public init() throws {
    var template = Array("\(Variables["TMPDIR"] ?? "/tmp")/minivm-test-XXXXXX".utf8CString)
    guard unsafe mkdtemp(&template) != nil else {
      throw FormatError.system("can't be made", path: "the test's folder")
    }
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    FileTree.remove(path)
  }

  public func callAsFunction(_ name: String) -> String { "\(path)/\(name)" }

  /// Makes a file.
  @discardableResult
  public func write(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let file = self(name)
    try FileTree.makeDirectories(FileTree.parent(of: file))
    try OutputFile.write(Array(bytes), to: file)
    return file
  }

  public func read(_ name: String) throws -> [UInt8] {
    try InputFile(self(name)).readAll(limit: 1 << 30)
  }
}

/// What scripts/test-cache fetched.
public enum TestCache {
  public static let folder =
    Variables["MINIVM_TEST_CACHE"]
    ?? "\(Variables["XDG_CACHE_HOME"] ?? "\(Variables["HOME"] ?? "")/.cache")/minivm-tests"

  /// A tree that dpkg-deb unpacked.
  public static func tree(_ name: String) throws -> String {
    let path = "\(folder)/\(name)"
    guard FileTree.isDirectory(path) else {
      throw ToolFailure(description: "\(path) is missing: run scripts/test-cache")
    }
    return path
  }

  /// The packages that a tree was unpacked from.
  public static func packages(_ name: String) throws -> [String] {
    let list = try InputFile("\(folder)/\(name).list").readAll(limit: 1 << 20)
    return String(decoding: list, as: UTF8.self).split(separator: "\n").map(String.init)
  }

  /// The release of the one kernel in a tree.
  public static func release(in tree: String) throws -> String {
    for folder in ["\(tree)/lib/modules", "\(tree)/usr/lib/modules"]
    where FileTree.isDirectory(folder) {
      if let name = try FileTree.names(in: folder).first { return name }
    }
    throw ToolFailure(description: "\(tree) has no kernel")
  }
}

/// Variables of the tests' environment.
public enum Variables {
  public static subscript(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }
}

/// Random numbers that are the same in every run. SplitMix64.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
  private var state: UInt64

  public init(seed: UInt64) {
    state = seed
  }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
    return mixed ^ (mixed >> 31)
  }
}
