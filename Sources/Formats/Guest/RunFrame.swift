/// A message of the channel between `minivm run` and its agent in the guest.
///
/// docs/internals/run-channel.md: a header of eight bytes (kind, stream, two zeros, the payload's
/// length as a little-endian 32-bit number), then the payload.
package struct RunFrame: Sendable, Equatable {
  package enum Kind: UInt8, Sendable, CaseIterable {
    // Both ways.
    case hello = 1
    case data = 2
    case end = 3
    case credit = 4
    // From the host: the job.
    case argument = 16
    case variable = 17
    case folder = 18
    case user = 19
    case share = 20
    case terminal = 21
    case hostname = 22
    case network = 23
    case limit = 24
    case start = 25
    case time = 26
    case image = 27
    case changes = 30
    // In the job of a root disk only.
    case persist = 28
    case entrypoint = 29
    // From the host, while the command runs.
    case size = 32
    case signal = 33
    case acknowledged = 34
    // From the guest.
    case started = 48
    case exited = 49
    case failed = 50
    case notice = 51
  }

  package static let version: UInt32 = 2
  package static let headerSize = 8
  /// Bytes of a payload at most: Linux takes words of a command line of 128 KiB.
  package static let payloadLimit = 1 << 18
  /// Bytes of a stream that may be on their way: nobody sends more until the other side grants it.
  package static let window = 1 << 19
  /// Bytes of `data` frames as both sides make them.
  package static let pieceSize = 1 << 16

  package var kind: Kind
  /// Of `data`, `end` and `credit`: 0 stdin, 1 stdout, 2 stderr. Otherwise 0.
  package var stream: UInt8
  package var payload: [UInt8]

  package init(_ kind: Kind, stream: UInt8 = 0, _ payload: [UInt8] = []) {
    self.kind = kind
    self.stream = stream
    self.payload = payload
  }

  /// A frame whose payload is numbers.
  package init(_ kind: Kind, stream: UInt8 = 0, numbers: [UInt32]) {
    var payload: [UInt8] = []
    for number in numbers { Self.append(number, to: &payload) }
    self.init(kind, stream: stream, payload)
  }

  /// The payload as numbers; what does not fill one is left out.
  package var numbers: [UInt32] {
    var numbers: [UInt32] = []
    var offset = 0
    while let number: UInt32 = payload.span.littleEndian(at: offset) {
      numbers.append(number)
      offset += 4
    }
    return numbers
  }

  /// The frame as it is sent.
  package var bytes: [UInt8] {
    Self.header(kind, stream: stream, count: payload.count) + payload
  }

  /// The eight bytes before a payload.
  package static func header(_ kind: Kind, stream: UInt8, count: Int) -> [UInt8] {
    var header = [kind.rawValue, stream, 0, 0]
    append(UInt32(truncatingIfNeeded: count), to: &header)
    return header
  }

  private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
    for shift in [0, 8, 16, 24] as [UInt32] {
      bytes.append(UInt8(truncatingIfNeeded: number >> shift))
    }
  }
}

/// Takes frames out of a stream of bytes that may be anything.
///
/// It keeps no more than one unfinished frame and what was appended last.
package struct RunFrameDecoder: Sendable {
  package enum Result: Sendable, Equatable {
    case frame(RunFrame)
    /// The rest of the next frame has not come yet.
    case incomplete
    /// What came is no frame. All that follows is lost.
    case malformed
  }

  private var buffer: [UInt8] = []
  private var start = 0
  private var isMalformed = false

  package init() {}

  package mutating func append(_ bytes: [UInt8]) {
    if start > 0 {
      buffer.removeSubrange(..<start)
      start = 0
    }
    if !isMalformed { buffer += bytes }
  }

  package mutating func next() -> Result {
    if isMalformed { return .malformed }
    guard let number = buffer.span.byte(at: start),
      let length: UInt32 = buffer.span.littleEndian(at: start + 4)
    else { return .incomplete }
    guard let kind = RunFrame.Kind(rawValue: number), buffer[start + 1] <= 2,
      buffer[start + 2] == 0, buffer[start + 3] == 0,
      length <= UInt32(RunFrame.payloadLimit)
    else {
      isMalformed = true
      buffer = []
      start = 0
      return .malformed
    }
    let count = Int(length)
    let begin = start + RunFrame.headerSize
    guard buffer.count - begin >= count else { return .incomplete }
    let frame = RunFrame(kind, stream: buffer[start + 1], Array(buffer[begin..<begin + count]))
    start = begin + count
    return .frame(frame)
  }
}
