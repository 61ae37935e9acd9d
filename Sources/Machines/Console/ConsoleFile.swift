package import Basics
internal import Synchronization
internal import SystemPackage

/// A file that gets a guest's console, every byte as it comes.
package final class ConsoleFile: Sendable {
  /// The path; `-` is stdout.
  package let path: String
  private let descriptor: FileDescriptor
  private let failure = Mutex(KitError?.none)

  /// Opens the file. What is in it stays until a guest starts.
  /// - Throws: `KitError.invalid` for a path that can't be written.
  package init(_ path: String) throws(KitError) {
    self.path = path
    if path == "-" {
      descriptor = .standardOutput
      return
    }
    do {
      descriptor = try FileDescriptor.open(
        FilePath(path), .writeOnly, options: [.create, .closeOnExec],
        permissions: FilePermissions(rawValue: 0o666))
    } catch {
      throw Self.failure(path, error)
    }
  }

  deinit {
    if path != "-" { try? descriptor.close() }
  }

  /// Empties the file, for a guest that starts.
  func begin() {
    // A terminal or a pipe has no size that could be set.
    if path != "-" { try? descriptor.resize(to: 0) }
  }

  func write(_ bytes: [UInt8]) {
    failure.withLock { failure in
      guard failure == nil else { return }
      do {
        try descriptor.writeAll(bytes)
      } catch {
        failure = Self.failure(path, error)
      }
    }
  }

  /// - Throws: `KitError.invalid` when not all of the console could be written.
  package func finish() throws(KitError) {
    if let failure = failure.withLock({ $0 }) { throw failure }
  }

  /// What a guest has written last; empty where the file can't be read again.
  var lastLines: [String] {
    guard path != "-", let file = try? FileDescriptor.open(FilePath(path), .readOnly) else {
      return []
    }
    defer { try? file.close() }
    guard let size = try? file.seek(offset: 0, from: .end) else { return [] }
    var bytes = [UInt8](repeating: 0, count: Int(min(size, 1 << 14)))
    let start = size - Int64(bytes.count)
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe (try? file.read(fromAbsoluteOffset: start, into: $0)) ?? 0
    }
    var console = Console()
    _ = console.receive(bytes.prefix(count))
    return console.lines
  }

  private static func failure(_ path: String, _ error: any Error) -> KitError {
    let reason = (error as? Errno).map(\.description) ?? "\(error)"
    return KitError(.invalid, "\(path == "-" ? "stdout" : path): can't be written: \(reason)")
  }
}
