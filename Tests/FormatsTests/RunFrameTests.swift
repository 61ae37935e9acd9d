import Formats
import Testing

/// The channel of `minivm run`.
@Suite struct RunFrameTests {
  private static func frames(_ bytes: [UInt8]) -> (frames: [RunFrame], rest: RunFrameDecoder.Result)
  {
    var decoder = RunFrameDecoder()
    decoder.append(bytes)
    var frames: [RunFrame] = []
    while true {
      let next = decoder.next()
      guard case .frame(let frame) = next else { return (frames, next) }
      frames.append(frame)
    }
  }

  @Test("A frame's bytes")
  func bytes() {
    let frame = RunFrame(.credit, stream: 2, numbers: [0x0102_0304])
    #expect(frame.bytes == [4, 2, 0, 0, 4, 0, 0, 0, 4, 3, 2, 1])
    #expect(frame.numbers == [0x0102_0304])
    #expect(Self.frames(frame.bytes + [3]).frames == [frame])
    #expect(Self.frames(frame.bytes + [3]).rest == .incomplete)
  }

  @Test(
    "What is no frame ends the channel",
    arguments: [
      [0, 0, 0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0, 0, 0], [2, 3, 0, 0, 0, 0, 0, 0],
      [2, 1, 1, 0, 0, 0, 0, 0], [2, 1, 0, 0, 1, 0, 4, 0], [2, 1, 0, 0, 0xff, 0xff, 0xff, 0xff],
    ] as [[UInt8]])
  func malformed(_ header: [UInt8]) {
    let good = RunFrame(.data, stream: 1, [1]).bytes
    #expect(Self.frames(good + header + good).frames.count == 1)
    #expect(Self.frames(good + header + good).rest == .malformed)
  }

  @Test("The largest payload passes")
  func largest() {
    let frame = RunFrame(.argument, [UInt8](repeating: 7, count: RunFrame.payloadLimit))
    #expect(Self.frames(frame.bytes).frames == [frame])
  }
}
