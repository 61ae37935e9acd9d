internal import Basics
internal import CMiniVM
internal import Formats
internal import Glibc
internal import Machines

/// A program that ends with this one, however that ends.
final class ChildProcess {
  /// A folder that it sees at a place where nobody else sees it.
  struct View {
    var folder: String
    /// An empty folder.
    var place: String
    var isReadOnly: Bool
    /// Folders below `place` that stay empty.
    var hidden: [String]
  }

  let name: String
  let process: Int32
  /// Readable when it has ended.
  let endFile: Int32
  /// What it writes to stdout, where that is wanted, and to stderr.
  let output: Int32
  let errors: Int32
  private var status: Int32?

  /// - Parameters:
  ///   - program: an absolute path.
  ///   - kept: files of this program that it has, too.
  /// - Throws: `KitError` where it can't be started.
  init(
    _ program: String, _ arguments: [String], kept: [Int32] = [], view: View? = nil
  ) throws(KitError) {
    name = FileTree.name(of: program)
    let nothing = unsafe open("/dev/null", O_RDONLY | O_CLOEXEC)
    defer { close(nothing) }
    let (output, errors) = (try Self.pipe(), try Self.pipe())
    defer {
      close(output.write)
      close(errors.write)
    }
    let start = RunningProcesses.willStart()
    defer { RunningProcesses.forgetStart(start) }
    var step: Int32 = 0
    let result = unsafe Self.withWords([program] + arguments) { words in
      unsafe Self.withWords(view?.hidden ?? []) { hidden in
        unsafe kept.withUnsafeBufferPointer { kept in
          unsafe Self.withText(view?.folder) { folder in
            unsafe Self.withText(view?.place) { place in
              unsafe program.withCString { path in
                var child = unsafe minivm_child()
                unsafe child.path = path
                unsafe child.arguments = UnsafePointer(words)
                unsafe (child.input, child.output, child.errors) =
                  (nothing, output.write, errors.write)
                unsafe child.kept = kept.baseAddress
                unsafe child.kept_count = kept.count
                unsafe child.share = folder
                unsafe child.view = place
                unsafe child.is_read_only = view?.isReadOnly == true ? 1 : 0
                unsafe child.hidden = UnsafeRawPointer(hidden)
                  .assumingMemoryBound(to: UnsafePointer<CChar>?.self)
                return unsafe minivm_start_child(&child, &step)
              }
            }
          }
        }
      }
    }
    guard result > 0 else {
      let failure = Self.failure(program, step, errno, view)
      close(output.read)
      close(errors.read)
      throw failure
    }
    process = result
    endFile = minivm_process_file(result)
    (self.output, self.errors) = (output.read, errors.read)
    RunningProcesses.add(result, start: start)
  }

  deinit {
    end()
    for file in [endFile, output, errors] where file >= 0 { close(file) }
  }

  /// Whether it has ended; does not wait.
  var hasEnded: Bool { status != nil || wait(WNOHANG) }

  /// How it ended; nil as long as it runs.
  var ending: String? {
    guard hasEnded, let status else { return nil }
    if status & 0x7f != 0 { return "\(name) was killed by signal \(status & 0x7f)" }
    return "\(name) exited with status \(status >> 8 & 0xff)"
  }

  /// Whether it has ended by itself and with success.
  var hasSucceeded: Bool { hasEnded && status == 0 }

  /// Ends it, and waits until it has.
  /// - Parameter grace: milliseconds that it gets to end by itself.
  func end(grace: Int = 0) {
    guard status == nil else { return }
    if grace > 0 {
      kill(process, SIGTERM)
      for _ in 0..<grace / 5 where !hasEnded { Machine.wait(milliseconds: 5) }
    }
    if status == nil {
      kill(process, SIGKILL)
      _ = wait(0)
    }
  }

  private func wait(_ options: Int32) -> Bool {
    var status: Int32 = 0
    var result = unsafe waitpid(process, &status, options)
    while result < 0, errno == EINTR { result = unsafe waitpid(process, &status, options) }
    if result == 0 { return false }
    self.status = result == process ? status : 9
    RunningProcesses.forget(process)
    return true
  }

  // MARK: Starting

  private static func pipe() throws(KitError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [0, 0]
    guard unsafe minivm_pipe(&ends, 0) == 0 else {
      throw KitError(.invalid, "too many open files", advice: "raise `ulimit -n`")
    }
    return (ends[0], ends[1])
  }

  private static func failure(
    _ program: String, _ step: Int32, _ error: Int32, _ view: View?
  ) -> KitError {
    let reason = unsafe String(cString: strerror(error))
    switch step {
    case Int32(MINIVM_CHILD_NAMESPACE):
      return KitError(
        .invalid, "cannot create a mount namespace for \(program): \(reason)",
        advice: "run it with CAP_SYS_ADMIN, or as an ordinary user with the Rust virtiofsd")
    case Int32(MINIVM_CHILD_SHARE):
      return KitError(
        .invalid, "\(view?.folder ?? ""): can't be shared read-only: \(reason)",
        advice: "this takes Linux 5.12 or later on the host; --transport 9p does not")
    default:
      return KitError(
        error == ENOENT ? .missing : .invalid, "\(program): can't be started: \(reason)")
    }
  }

  private static func withText<Result>(
    _ text: String?, _ body: (UnsafePointer<CChar>?) -> Result
  ) -> Result {
    guard let text else { return body(nil) }
    return unsafe text.withCString { unsafe body($0) }
  }

  /// Words as execv(3) has them.
  private static func withWords<Result>(
    _ words: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
  ) -> Result {
    var pointers = unsafe words.map { unsafe strdup($0) }
    unsafe pointers.append(nil)
    defer { unsafe pointers.forEach { unsafe free($0) } }
    return unsafe pointers.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress!) }
  }

  // MARK: Asking

  /// What a program says on stdout and stderr, up to 1 MiB.
  /// - Parameter program: an absolute path.
  static func says(_ program: String, _ arguments: [String]) throws(KitError) -> String {
    let child = try ChildProcess(program, arguments)
    var text: [UInt8] = []
    for file in [child.output, child.errors] {
      while text.count < 1 << 20 {
        let piece = readPiece(file)
        if piece.isEmpty { break }
        text += piece
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// What can be read at once; empty at the end.
  static func readPiece(_ file: Int32, count: Int = 1 << 16) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      var result = unsafe read(file, buffer.baseAddress, count)
      while result < 0, errno == EINTR { result = unsafe read(file, buffer.baseAddress, count) }
      filled = max(0, result)
    }
  }
}
