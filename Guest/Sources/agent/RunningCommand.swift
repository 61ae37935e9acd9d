#if !hasFeature(Embedded)
  import Formats
#endif

/// The command, started, and this program's ends of its streams.
struct RunningCommand {
  let process: Int
  /// Where its stdin is written to; -1 when that is closed.
  var input: Int32
  /// Where its stdout and stderr are read from; -1 when that is closed.
  var outputs: [Int32]
  /// Whether input and stdout are one terminal.
  let isTerminal: Bool

  /// Why a command could not be started: a shell's exit status, an error's number, and what it was about.
  struct Failure: Error {
    var status: UInt32
    var error: UInt32
    var subject: [UInt8] = []
  }

  /// The files of one side.
  private struct Files {
    var input: Int32
    var output: Int32
    var errors: Int32

    var all: [Int32] { [input, output, errors] }
  }

  /// - Throws: `Failure` with 127 for a command that is not there, 126 for one that can't be run, 125 for
  ///   what is this program's.
  init(_ job: Job) throws(Failure) {
    let (own, its) = try Self.files(job)
    try self.init(job, own, its, controls: job.terminal != nil)
  }

  /// A command on a terminal that is nobody else's, which is closed here.
  init(_ job: Job, console: Int32) throws(Failure) {
    Kernel.give(console, to: job.user, Self.terminalGroup)
    try self.init(
      job, Files(input: -1, output: -1, errors: -1),
      Files(input: console, output: console, errors: console), controls: true)
  }

  private init(_ job: Job, _ own: Files, _ its: Files, controls: Bool) throws(Failure) {
    guard let status = Kernel.pipe() else { throw Failure(status: 125, error: 24) }
    let parent = System.fork { Self.run(job, its, report: status.write, controls: controls) }
    for file in Set3(its.all).values { System.close(file) }
    System.close(status.write)
    guard let parent else { throw Failure(status: 125, error: 11) }
    // Closed by what makes the command run; until then it says why it does not.
    let (report, count) = Kernel.read(status.read, count: 8)
    System.close(status.read)
    if count == 8 {
      let numbers = RunFrame(.failed, report).numbers
      let isFolder = numbers[0] == Self.folderStatus
      throw Failure(
        status: isFolder ? 125 : numbers[0], error: numbers[1],
        subject: isFolder ? "folder " + job.folder : [])
    }
    process = parent
    isTerminal = job.terminal != nil
    input = own.input
    outputs = isTerminal ? [own.output, -1] : [own.output, own.errors]
    for file in own.all where file >= 0 { Kernel.setNonblocking(file) }
  }

  /// Three numbers of files, each once.
  private struct Set3 {
    var values: [Int32] = []

    init(_ files: [Int32]) {
      for file in files where !values.contains(file) { values.append(file) }
    }
  }

  /// tty(4): the group of terminals.
  private static let terminalGroup: UInt32 = 5

  /// Pipes, or a terminal, that belong to the user: what opens /dev/stdout again may.
  private static func files(_ job: Job) throws(Failure) -> (own: Files, its: Files) {
    if let size = job.terminal {
      let main = Kernel.open([UInt8]("/dev/ptmx"), isWaiting: true)
      let number = main < 0 ? Int(main) : Kernel.unlockTerminal(main)
      guard number >= 0 else { throw Failure(status: 125, error: UInt32(-number)) }
      let terminal = Kernel.open("/dev/pts/" + [UInt8](decimal: number), isWaiting: true)
      guard terminal >= 0 else { throw Failure(status: 125, error: UInt32(-terminal)) }
      Kernel.give(terminal, to: job.user, terminalGroup)
      Kernel.setSize(of: main, rows: size.rows, columns: size.columns)
      return (
        Files(input: main, output: main, errors: -1),
        Files(input: terminal, output: terminal, errors: terminal)
      )
    }
    guard let input = Kernel.pipe(), let output = Kernel.pipe(), let errors = Kernel.pipe() else {
      throw Failure(status: 125, error: 24)
    }
    for file in [input.read, output.write, errors.write] {
      Kernel.give(file, to: job.user, job.group)
    }
    return (
      Files(input: input.write, output: output.read, errors: errors.read),
      Files(input: input.read, output: output.write, errors: errors.write)
    )
  }

  // MARK: In the command's process

  /// The command's process reports this number for a folder that it can't enter.
  private static let folderStatus: UInt32 = 124

  /// Becomes the command. Comes back only where that fails, which it has told then.
  private static func run(_ job: Job, _ files: Files, report: Int32, controls: Bool) -> Int32 {
    func fail(_ status: UInt32, _ error: Int) -> Int32 {
      let numbers = [status, UInt32(truncatingIfNeeded: -error)]
      System.write(RunFrame(.failed, numbers: numbers).payload, to: report)
      return 125
    }
    Kernel.beginSession()
    if controls { Kernel.control(files.input) }
    for (number, file) in files.all.enumerated() { Kernel.duplicate(file, as: Int32(number)) }
    for limit in job.limits { Kernel.setLimit(limit.resource, limit.current, limit.maximum) }
    var result = Kernel.become(job.user, job.group, job.groups)
    if result < 0 { return fail(125, result) }
    // As its user: the folder may be closed to others.
    result = Kernel.enter(job.folder)
    if result < 0 { return fail(folderStatus, result) }
    Kernel.blockSignals(false)
    let error = execute(job)
    // ENOENT, ENOTDIR: there is none. ENOENT of a file that is there is that of its interpreter.
    let isThere = job.arguments[0].contains(UInt8(ascii: "/")) && System.exists(job.arguments[0])
    return fail((error == -2 || error == -20) && !isThere ? 127 : 126, error)
  }

  /// Runs the command as execvp(3) finds it, but for files without a format, which no shell is tried on.
  private static func execute(_ job: Job) -> Int {
    let name = job.arguments[0]
    if name.contains(UInt8(ascii: "/")) || name.isEmpty {
      return Kernel.execute(name, job.arguments, job.variables)
    }
    let path = job.value(of: "PATH") ?? [UInt8]("/usr/local/bin:/usr/bin:/bin")
    var worst = -2
    for folder in path.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false) {
      let folder = folder.isEmpty ? [UInt8(ascii: ".")] : Array(folder)
      let error = Kernel.execute(folder + "/" + name, job.arguments, job.variables)
      // EACCES: another folder may have one that can be run.
      if error != -2, error != -20 {
        worst = error
        if error != -13 { return error }
      }
    }
    return worst
  }
}
