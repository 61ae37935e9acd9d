internal import Formats
internal import Glibc

/// This program's end of the channel to the agent in the guest, which never makes it wait.
struct RunChannel {
  enum Received {
    case frames([RunFrame])
    /// The messages before what is none.
    case malformed(after: [RunFrame])
  }

  let file: Int32
  /// Whether there is anybody at the other end.
  private(set) var isOpen = true
  private var decoder = RunFrameDecoder()
  private var queue: [[UInt8]] = []
  /// Bytes of the first that are sent.
  private var sent = 0

  /// - Parameter file: a connected socket.
  init(_ file: Int32) { self.file = file }

  /// What waits for room: more can be sent, but it is kept in memory.
  var waiting: Int { queue.count }

  mutating func send(_ frame: RunFrame) {
    guard isOpen else { return }
    queue.append(frame.bytes)
    flush()
  }

  /// Sends what there is room for.
  mutating func flush() {
    while let bytes = queue.first {
      let count = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(
          file, $0.baseAddress! + sent, $0.count - sent,
          Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else {
        // Where it is closed, the machine's end says so.
        if errno != EAGAIN, errno != EINTR { queue = [] }
        return
      }
      sent += count
      if sent == bytes.count {
        queue.removeFirst()
        sent = 0
      }
    }
  }

  /// Waits for a piece of what the guest says, and gives the messages that are whole.
  mutating func receive() -> Received {
    let piece = ChildProcess.readPiece(file, count: 1 << 18)
    if piece.isEmpty { isOpen = false }
    decoder.append(piece)
    var frames: [RunFrame] = []
    while true {
      switch decoder.next() {
      case .incomplete: return .frames(frames)
      case .malformed: return .malformed(after: frames)
      case .frame(let frame): frames.append(frame)
      }
    }
  }
}
