#if !hasFeature(Embedded)
  import Formats
#endif

/// The agent's end of the channel, a virtio-serial port or a second serial port, that never makes it wait.
struct Channel {
  static let portName: StaticString = "minivm.run"

  let file: Int32
  private var decoder = RunFrameDecoder()
  /// The frames to send, and how many bytes of the first are sent.
  private var queue: [[UInt8]] = []
  private var sent = 0
  /// Nobody is at the other end, or not who should be.
  private(set) var isLost = false
  /// Something has come: until then, the kernel may not know yet that the host is there.
  private var isConnected = false
  private let opening = System.uptime

  var hasOutput: Bool { !queue.isEmpty }

  /// Finds the port, waiting some time for it.
  init?() {
    let isSerial = Self.isSerial
    let start = System.uptime
    var file = isSerial ? Self.openSerialPort() : Self.openPort()
    while file < 0 {
      if System.uptime - start > 10_000 { return nil }
      var none: [Kernel.Poll] = []
      Kernel.poll(&none, milliseconds: 10)
      file = isSerial ? Self.openSerialPort() : Self.openPort()
    }
    self.file = file
  }

  /// This is true where the host says that the kernel has no virtio-serial.
  private static var isSerial: Bool {
    var parameters = KernelParameters(System.contents([UInt8]("/proc/cmdline")) ?? [])
    while let parameter = parameters.next() {
      if parameter.name.isText("minivm.channel") {
        return parameter.value?.isText("serial") ?? false
      }
    }
    return false
  }

  /// The first serial port that is there and is not the console.
  private static func openSerialPort() -> Int32 {
    let folder = [UInt8]("/sys/class/tty")
    let consoles = System.contents(folder + "/console/active")?.withoutNewline ?? []
    for number in 0..<4 {
      let name = "ttyS" + [UInt8](decimal: number)
      // Of ports without hardware it is 0. serial(4), PORT_UNKNOWN.
      guard let type = System.contents(folder + "/" + name + "/type")?.withoutNewline,
        !type.isText("0"),
        !consoles.split(separator: UInt8(ascii: " ")).contains(where: { Array($0) == name })
      else { continue }
      let file = Kernel.open("/dev/" + name, isWaiting: false)
      if file >= 0, Kernel.makeRaw(file) == 0 { return file }
      System.close(file)
    }
    return -1
  }

  private static func openPort() -> Int32 {
    let folder = [UInt8]("/sys/class/virtio-ports")
    let name = [UInt8](portName)
    for port in System.names(in: folder)
    where System.contents(folder + "/" + port + "/name")?.withoutNewline == name {
      return Kernel.open("/dev/" + port, isWaiting: false)
    }
    return -1
  }

  mutating func send(_ frame: RunFrame) { send(frame.bytes) }

  /// - Parameter bytes: a whole frame.
  mutating func send(_ bytes: [UInt8]) {
    if !isLost { queue.append(bytes) }
  }

  /// Writes what there is room for.
  mutating func flush() {
    while let bytes = queue.first {
      let count = Kernel.write(bytes, from: sent, to: file)
      if count == Kernel.again { return }
      guard count > 0 else {
        isLost = true
        queue = []
        return
      }
      sent += count
      if sent == bytes.count {
        queue.removeFirst()
        sent = 0
      }
    }
  }

  /// Writes all, waiting for room.
  mutating func flushAll() {
    flush()
    while hasOutput {
      var polls = [Kernel.Poll(file: file, wantsOutput: true)]
      Kernel.poll(&polls, milliseconds: 1000)
      flush()
    }
  }

  /// Takes what has come.
  mutating func receive() -> [RunFrame] {
    let (bytes, count) = Kernel.read(file, count: RunFrame.pieceSize + RunFrame.headerSize)
    if count == Kernel.again { return [] }
    // 0: the host has closed its end; or its message that it is there comes after the port's name, and is still to come.
    if count == 0, !isConnected, System.uptime - opening < 10_000 {
      var none: [Kernel.Poll] = []
      Kernel.poll(&none, milliseconds: 10)
      return []
    }
    guard count > 0 else {
      isLost = true
      return []
    }
    isConnected = true
    decoder.append(bytes)
    var frames: [RunFrame] = []
    while true {
      switch decoder.next() {
      case .frame(let frame): frames.append(frame)
      case .incomplete: return frames
      case .malformed:
        isLost = true
        return frames
      }
    }
  }

  /// Waits for frames.
  mutating func wait() -> [RunFrame] {
    while !isLost {
      flush()
      var polls = [Kernel.Poll(file: file, wantsInput: true, wantsOutput: hasOutput)]
      Kernel.poll(&polls, milliseconds: nil)
      let frames = receive()
      if !frames.isEmpty { return frames }
    }
    return []
  }
}
