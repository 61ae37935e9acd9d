internal import Formats
internal import Glibc

/// This program's stdin, as the guest's command takes it.
struct RunInput {
  private var isOpen = true
  /// Bytes that the guest takes before it grants more.
  private var window: Int
  private let mostOnTheWay: Int
  private let isTerminal: Bool
  private var escapes = 0

  /// - Parameter window: bytes that may be on their way; 512 KiB by the protocol, less on a slow channel.
  init(isTerminal: Bool, window: Int = RunFrame.window) {
    self.isTerminal = isTerminal
    self.window = window
    mostOnTheWay = window
  }

  var wantsBytes: Bool { isOpen && window > 0 }

  /// Whether the user has pressed Ctrl-] three times in a row.
  var hasLeft: Bool { escapes >= 3 }

  mutating func grant(_ count: Int) { window = min(mostOnTheWay, window + count) }

  /// Nobody reads it any more.
  mutating func close() { isOpen = false }

  /// Reads what is there.
  /// - Returns: what the guest is told; nil for nothing.
  mutating func read() -> RunFrame? {
    let count = min(RunFrame.pieceSize, window)
    var result = 0
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      result = unsafe Glibc.read(STDIN_FILENO, buffer.baseAddress, count)
      filled = max(0, result)
    }
    if result < 0, errno == EINTR || errno == EAGAIN { return nil }
    guard result > 0 else {
      isOpen = false
      return RunFrame(.end, stream: 0)
    }
    window -= result
    if isTerminal {
      for byte in bytes where escapes < 3 { escapes = byte == 0x1d ? escapes + 1 : 0 }
    }
    return RunFrame(.data, stream: 0, bytes)
  }
}
