import CLinux

/// What the agent asks of the kernel beyond what coldplug does. Results are the kernel's: a negative
/// one is an error's number.
enum Kernel {
  struct Poll {
    var file: Int32
    var wantsInput = false
    var wantsOutput = false
    /// There is something to read, or the other end has closed.
    var isReadable = false
    var isWritable = false
  }

  static let again = -11
  static let exists = -17

  private static func withText<Result>(
    _ text: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    let terminated = text + [0]
    return unsafe terminated.withUnsafeBytes { bytes in
      unsafe body(bytes.baseAddress!.assumingMemoryBound(to: CChar.self))
    }
  }

  // MARK: Files

  static func open(_ path: [UInt8], isWaiting: Bool) -> Int32 {
    unsafe withText(path) { unsafe linux_open_both($0, isWaiting ? 1 : 0) }
  }

  static func pipe() -> (read: Int32, write: Int32)? {
    var ends: (Int32, Int32) = (0, 0)
    let result = unsafe withUnsafeMutablePointer(to: &ends) { pointer in
      unsafe pointer.withMemoryRebound(to: Int32.self, capacity: 2) { unsafe linux_pipe($0) }
    }
    return result == 0 ? (ends.0, ends.1) : nil
  }

  static func setNonblocking(_ file: Int32) { _ = linux_set_nonblocking(file) }
  static func duplicate(_ file: Int32, as number: Int32) { _ = linux_duplicate(file, number) }

  static func give(_ file: Int32, to user: UInt32, _ group: UInt32) {
    _ = linux_fchown(file, user, group)
  }

  static func remove(_ path: [UInt8]) {
    _ = unsafe withText(path) { unsafe linux_unlink($0) }
  }

  static func makeNode(_ path: [UInt8], isBlock: Bool, major: Int, minor: Int) {
    _ = unsafe withText(path) {
      unsafe linux_make_node(
        $0, isBlock ? 1 : 0, UInt32(truncatingIfNeeded: major), UInt32(truncatingIfNeeded: minor))
    }
  }

  static func setMode(of path: [UInt8], _ mode: UInt32) {
    _ = unsafe withText(path) { unsafe linux_chmod($0, mode) }
  }

  static func enter(_ path: [UInt8]) -> Int {
    unsafe withText(path) { unsafe linux_chdir($0) }
  }

  static func changeRoot(_ path: [UInt8]) -> Int {
    unsafe withText(path) { unsafe linux_chroot($0) }
  }

  static func mount(
    _ source: [UInt8], on target: [UInt8], type: [UInt8], flags: UInt = 0, options: [UInt8] = []
  ) -> Int {
    unsafe withText(source) { source in
      unsafe withText(target) { target in
        unsafe withText(type) { type in
          unsafe withText(options) { unsafe linux_mount(source, target, type, flags, $0) }
        }
      }
    }
  }

  /// Takes a mount away, whoever uses it.
  static func unmount(_ path: [UInt8]) { _ = unsafe withText(path) { unsafe linux_unmount($0) } }

  static func sync() { linux_sync() }

  /// Reads what is there, up to `count` bytes, behind `head`.
  /// - Returns: the bytes, and what the kernel said.
  static func read(_ file: Int32, count: Int, after head: [UInt8] = []) -> ([UInt8], Int) {
    var result = 0
    let offset = head.count
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: offset + count) { buffer, filled in
      for index in 0..<offset { unsafe buffer[index] = head[index] }
      result = unsafe linux_read(file, buffer.baseAddress! + offset, count)
      filled = offset + max(0, result)
    }
    return (bytes, result)
  }

  /// Writes bytes from an offset, as many as there is room for.
  static func write(_ bytes: [UInt8], from offset: Int, to file: Int32) -> Int {
    unsafe bytes.withUnsafeBytes {
      unsafe linux_write(file, $0.baseAddress! + offset, $0.count - offset)
    }
  }

  /// - Parameter milliseconds: nil to wait for ever.
  static func poll(_ polls: inout [Poll], milliseconds: Int?) {
    var files: [linux_poll] = []
    for poll in polls {
      let events: Int16 = (poll.wantsInput ? 1 : 0) | (poll.wantsOutput ? 4 : 0)
      files.append(linux_poll(file: events == 0 ? -1 : poll.file, events: events, found: 0))
    }
    let result = unsafe files.withUnsafeMutableBufferPointer {
      unsafe linux_poll($0.baseAddress, $0.count, Int64(milliseconds ?? -1))
    }
    for index in polls.indices {
      let found = result > 0 ? files[index].found : 0
      // POLLIN, POLLERR, POLLHUP; POLLOUT, POLLERR.
      polls[index].isReadable = polls[index].wantsInput && found & 0x19 != 0
      polls[index].isWritable = polls[index].wantsOutput && found & 0x0c != 0
    }
  }

  static func sleep(milliseconds: Int) {
    var none: [Poll] = []
    poll(&none, milliseconds: milliseconds)
  }

  // MARK: Processes

  /// Runs a program in the place of this one. Comes back only where that fails.
  static func execute(_ path: [UInt8], _ arguments: [[UInt8]], _ variables: [[UInt8]]) -> Int {
    unsafe withVector(arguments) { arguments in
      unsafe withVector(variables) { variables in
        unsafe withText(path) { unsafe linux_execve($0, arguments, variables) }
      }
    }
  }

  /// Words as execve(2) has them: pointers to texts, and 0 behind the last.
  private static func withVector(
    _ words: [[UInt8]], _ body: (UnsafePointer<UInt>) -> Int
  ) -> Int {
    var text: [UInt8] = []
    var offsets: [Int] = []
    for word in words {
      offsets.append(text.count)
      text += word
      text.append(0)
    }
    text.append(0)
    return unsafe text.withUnsafeBytes { bytes in
      let base = UInt(bitPattern: bytes.baseAddress)
      var pointers: [UInt] = []
      for offset in offsets { pointers.append(base + UInt(offset)) }
      pointers.append(0)
      return unsafe pointers.withUnsafeBufferPointer { unsafe body($0.baseAddress!) }
    }
  }

  static func beginSession() { _ = linux_setsid() }
  static func kill(_ process: Int, signal: Int) { _ = linux_kill(process, Int32(signal)) }
  static func blockSignals(_ areBlocked: Bool) { _ = linux_block_signals(areBlocked ? 1 : 0) }

  /// A file that tells of signals: bit N - 1 of the mask for signal N.
  static func openSignals(_ mask: UInt64) -> Int32 { linux_signal_file(mask) }
  static let childSignal = 17

  static func become(_ user: UInt32, _ group: UInt32, _ groups: [UInt32]) -> Int {
    unsafe groups.withUnsafeBufferPointer {
      unsafe linux_become(user, group, $0.baseAddress, $0.count)
    }
  }

  static func setLimit(_ resource: UInt32, _ current: UInt64, _ maximum: UInt64) {
    _ = linux_set_limit(Int32(bitPattern: resource), current, maximum)
  }

  /// How a child has ended.
  struct Ended {
    var process: Int
    /// Its wait status.
    var status: Int
    /// Microseconds that it took, of its program and of the kernel, and KiB in RAM at most.
    var usage: [Int64]
  }

  static func reap() -> Ended? {
    var status: Int32 = 0
    var usage = linux_usage()
    let process = unsafe linux_reap(&status, &usage)
    return process > 0
      ? Ended(
        process: process, status: Int(status), usage: [usage.user, usage.system, usage.memory])
      : nil
  }

  /// Waits for the children that are left, as long as a limit.
  static func reapAll(milliseconds limit: Int) {
    let start = linux_uptime()
    var status: Int32 = 0
    var usage = linux_usage()
    while true {
      let process = unsafe linux_reap(&status, &usage)
      if process < 0 || process == 0 && linux_uptime() - start > Int64(limit) * 1_000_000 { return }
      if process == 0 { sleep(milliseconds: 2) }
    }
  }

  static func setTime(seconds: UInt64, nanoseconds: UInt32) {
    _ = linux_set_time(Int64(truncatingIfNeeded: seconds), Int64(nanoseconds))
  }

  static func powerOff() { linux_reboot(0x4321_fedc) }
  static func restart() { linux_reboot(0x0123_4567) }
  /// Ctrl-Alt-Del sends this program SIGINT from now on.
  static func catchRestart() { linux_reboot(0) }

  // MARK: Terminals and networks

  static func makeRaw(_ terminal: Int32) -> Int { linux_make_raw(terminal) }
  static func drain(_ terminal: Int32) { linux_drain(terminal) }
  static func unlockTerminal(_ file: Int32) -> Int { linux_unlock_terminal(file) }
  static func control(_ terminal: Int32) { _ = linux_control_terminal(terminal) }

  static func setSize(of terminal: Int32, rows: UInt32, columns: UInt32) {
    _ = linux_set_terminal_size(
      terminal, UInt16(truncatingIfNeeded: rows), UInt16(truncatingIfNeeded: columns))
  }

  /// - Parameter address: with its mask; empty for an interface that has one.
  static func bringUp(_ interface: [UInt8], _ address: [UInt8] = [], mask: [UInt8] = []) -> Int {
    unsafe withText(interface) { interface in
      unsafe address.withUnsafeBufferPointer { address in
        unsafe mask.withUnsafeBufferPointer { mask in
          unsafe linux_bring_up(
            interface, address.count == 4 ? address.baseAddress : nil,
            mask.count == 4 ? mask.baseAddress : nil)
        }
      }
    }
  }

  static func addDefaultRoute(_ gateway: [UInt8]) -> Int {
    guard gateway.count == 4 else { return -22 }
    return unsafe gateway.withUnsafeBufferPointer {
      unsafe linux_add_default_route($0.baseAddress!)
    }
  }

  static func openBroadcasts(on interface: [UInt8], port: UInt16) -> Int32 {
    unsafe withText(interface) { unsafe linux_broadcast_socket($0, port) }
  }

  static func broadcast(_ bytes: [UInt8], from socket: Int32, to port: UInt16) {
    _ = unsafe bytes.withUnsafeBytes {
      unsafe linux_broadcast(socket, $0.baseAddress, $0.count, port)
    }
  }
}
