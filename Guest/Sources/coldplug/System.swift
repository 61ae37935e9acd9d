import CLinux

/// What coldplug asks of the kernel. The only place of pointers.
enum System {
  /// Calls `body` with a path as C has it.
  private static func withPath<Result>(
    _ path: [UInt8], _ body: (UnsafePointer<CChar>) -> Result
  ) -> Result {
    let terminated = path + [0]
    return unsafe terminated.withUnsafeBytes { bytes in
      unsafe body(bytes.baseAddress!.assumingMemoryBound(to: CChar.self))
    }
  }

  // MARK: Files

  /// - Returns: a descriptor, or a negative error number.
  static func open(_ path: [UInt8]) -> Int32 {
    unsafe withPath(path) { unsafe linux_open($0, 0) }
  }

  static func close(_ file: Int32) {
    if file >= 0 { linux_close(file) }
  }

  /// Up to `count` bytes from an offset.
  static func read(_ file: Int32, at offset: Int, count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = 0
      while filled < count {
        let got = unsafe linux_pread(
          file, buffer.baseAddress! + filled, count - filled, Int64(offset + filled))
        if got <= 0 { return }
        filled += got
      }
    }
  }

  /// A file's content, as far as it can be read and is no larger than `limit`. Those of proc and sys
  /// have no size to go by.
  static func contents(_ path: [UInt8], limit: Int = 1 << 20) -> [UInt8]? {
    let file = open(path)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var result: [UInt8] = []
    var piece = 4096
    while result.count < limit {
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: piece) { buffer, filled in
        filled = max(0, unsafe linux_read(file, buffer.baseAddress, piece))
      }
      // One read gives all of a file of sysfs.
      if result.isEmpty, bytes.count < piece { return bytes }
      if bytes.isEmpty { break }
      result += bytes
      piece = 65536
    }
    return result
  }

  @discardableResult
  static func write(_ bytes: [UInt8], to file: Int32) -> Bool {
    unsafe bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count {
        let put = unsafe linux_write(file, buffer.baseAddress! + done, buffer.count - done)
        if put <= 0 { return false }
        done += put
      }
      return true
    }
  }

  static func writeFile(_ path: [UInt8], _ bytes: [UInt8]) -> Bool {
    let file = unsafe withPath(path) { unsafe linux_open($0, 1) }
    guard file >= 0 else { return false }
    defer { close(file) }
    return write(bytes, to: file)
  }

  /// The names in a folder, in no order; empty when there is none.
  static func names(in folder: [UInt8]) -> [[UInt8]] {
    let file = open(folder)
    guard file >= 0 else { return [] }
    defer { close(file) }
    var names: [[UInt8]] = []
    while true {
      let entries = unsafe [UInt8](unsafeUninitializedCapacity: 8192) { buffer, filled in
        filled = max(0, unsafe linux_getdents(file, buffer.baseAddress, 8192))
      }
      if entries.isEmpty { return names }
      let bytes = entries.span
      var offset = 0
      while let length: UInt16 = bytes.littleEndian(at: offset + 16), length > 19,
        let end = bytes.endOfString(at: offset + 19),
        let name = bytes.bytes(at: offset + 19, count: end - offset - 19)
      {
        if name != [0x2e], name != [0x2e, 0x2e] { names.append(name) }
        offset += Int(length)
      }
    }
  }

  static func exists(_ path: [UInt8]) -> Bool {
    var status = linux_status()
    return unsafe withPath(path) { unsafe linux_status($0, &status) } == 0
  }

  static func isBlockDevice(_ path: [UInt8]) -> Bool {
    var status = linux_status()
    let result = unsafe withPath(path) { unsafe linux_status($0, &status) }
    return result == 0 && status.mode & 0xf000 == 0x6000
  }

  static func makeFolder(_ path: [UInt8]) {
    _ = unsafe withPath(path) { unsafe linux_mkdir($0) }
  }

  static func makeLink(_ path: [UInt8], to target: [UInt8]) {
    _ = unsafe withPath(target) { target in
      unsafe withPath(path) { unsafe linux_symlink(target, $0) }
    }
  }

  static func linkTarget(_ path: [UInt8]) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: 4096) { buffer, filled in
      let count = unsafe withPath(path) { unsafe linux_readlink($0, buffer.baseAddress, 4096) }
      filled = max(0, count)
    }
  }

  // MARK: Modules and processes

  /// Loads a module's file. - Returns: 0, or the number of an error.
  static func loadModule(_ path: [UInt8], arguments: [UInt8], isCompressed: Bool) -> Int32 {
    let file = open(path)
    guard file >= 0 else { return -file }
    defer { close(file) }
    let result = unsafe withPath(arguments) {
      unsafe linux_finit_module(file, $0, isCompressed ? 1 : 0)
    }
    return Int32(truncatingIfNeeded: -result)
  }

  static var processors: Int { Int(linux_processors()) }

  /// Runs `body` in a copy of this process, which ends with what it returns.
  /// - Returns: the copy's number, or nil when there could be none.
  static func fork(_ body: () -> Int32) -> Int? {
    let process = linux_fork()
    if process == 0 { linux_exit(body()) }
    return process > 0 ? process : nil
  }

  /// Waits for a copy to end. - Returns: its number and what it returned.
  static func wait() -> (process: Int, result: Int32)? {
    var status: Int32 = 0
    let process = unsafe linux_wait(&status)
    guard process > 0 else { return nil }
    return (process, status & 0x7f == 0 ? status >> 8 & 0xff : -1)
  }

  // MARK: Time and events

  /// Seconds since 1970.
  static var now: Int { Int(linux_now()) }
  /// Milliseconds since the machine started.
  static var uptime: Int { Int(linux_uptime() / 1_000_000) }

  /// What I/O ports have; nothing where there are no such ports.
  static func ports(from first: UInt16, count: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      filled = max(0, unsafe linux_read_ports(first, buffer.baseAddress, count))
    }
  }

  static func renameCard(_ socket: Int32, _ name: [UInt8], _ newName: [UInt8]) -> Bool {
    unsafe withPath(name) { name in
      unsafe withPath(newName) { unsafe linux_rename_card(socket, name, $0) }
    } == 0
  }

  static func openEvents() -> Int32 { linux_uevent_socket() }

  enum Received {
    case event([UInt8])
    case nothing
    /// There were more than the kernel keeps.
    case lost
  }

  static func receiveEvent(_ socket: Int32) -> Received {
    var isLost = false
    while true {
      var result = 0
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 8192) { buffer, filled in
        result = unsafe linux_receive_uevent(socket, buffer.baseAddress, 8192)
        filled = max(0, result)
      }
      if result > 0 { return .event(bytes) }
      // ENOBUFS; the next call goes on with what was kept.
      if result == -105 { isLost = true }
      if result < 0, result != -4, result != -105 { return isLost ? .lost : .nothing }
      if isLost { return .lost }
    }
  }

  /// Waits until the socket has something or the time has passed.
  static func waitForEvents(_ socket: Int32, milliseconds: Int) {
    _ = linux_wait_for_input(socket, Int64(milliseconds))
  }
}

/// A file as memory, for the rest of the program.
@safe struct MappedFile {
  private let start: UnsafeRawPointer
  private let count: Int

  init?(_ path: [UInt8]) {
    let file = System.open(path)
    guard file >= 0 else { return nil }
    defer { System.close(file) }
    // Where a file ends its map ends; pages behind it would be a fault, so its size is asked for.
    guard let size = MappedFile.size(path), size > 0 else { return nil }
    let address = linux_map(file, size)
    guard address > 0, let pointer = unsafe UnsafeRawPointer(bitPattern: address) else {
      return nil
    }
    unsafe start = pointer
    count = size
  }

  private static func size(_ path: [UInt8]) -> Int? {
    var status = linux_status()
    let terminated = path + [0]
    let result = unsafe terminated.withUnsafeBytes {
      unsafe linux_status($0.baseAddress!.assumingMemoryBound(to: CChar.self), &status)
    }
    return result == 0 ? Int(exactly: status.size) : nil
  }

  /// A device's register of 32 bits, read once; nil where the map has none.
  func register(at offset: Int) -> UInt32? {
    guard offset >= 0, offset & 3 == 0, offset <= count - 4 else { return nil }
    return unsafe linux_register(start + offset)
  }

  func withBytes<Result>(_ body: (Span<UInt8>) -> Result) -> Result {
    let memory = unsafe UnsafeBufferPointer(
      start: start.assumingMemoryBound(to: UInt8.self), count: count)
    return unsafe body(memory.span)
  }
}
