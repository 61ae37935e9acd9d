import Formats
import Testing

@Suite struct ByteStringsTests {
  /// Strings that share beginnings of every length, end where others go on, and hold NULs.
  private let samples: [[UInt8]] = {
    var generator = SystemRandomNumberGenerator()
    let starts: [[UInt8]] = [
      "", "usb:v", "usb:v0483p", "pci:v00008086d0000", "\0", "a\0\0\0\0\0\0\0b",
    ]
    .map { Array($0.utf8) }
    return (0..<2000).map { _ in
      let start = starts.randomElement(using: &generator) ?? []
      return start
        + (0..<Int.random(in: 0...12, using: &generator)).map { _ in
          [0, 0x41, 0x42, 0xff].randomElement(using: &generator) ?? 0
        }
    }
  }()

  private func strings(_ samples: [[UInt8]]) -> ByteStrings {
    var strings = ByteStrings()
    for sample in samples { strings.append(sample[...]) }
    return strings
  }

  @Test func sortedByBytesAndThenByPosition() {
    let expected = samples.enumerated().sorted { left, right in
      if left.element == right.element { return left.offset < right.offset }
      return left.element.lexicographicallyPrecedes(right.element)
    }.map(\.offset)
    #expect(strings(samples).sortedPositions() == expected)
    let sorted = expected.map { samples[$0] }
    #expect(strings(sorted).sortedPositions() == Array(sorted.indices))
    #expect(ByteStrings().sortedPositions().isEmpty)
    #expect(ByteStrings(["", ""]).sortedPositions() == [0, 1])
  }

  /// Equal strings of many bytes: no recursion as deep as they are long, and no time that grows with
  /// more than their size.
  @Test func longEqualStrings() {
    let long = [UInt8](repeating: 0x61, count: 1 << 20)
    let positions = strings([long + [0x62], long, long]).sortedPositions()
    #expect(positions == [1, 2, 0])
  }

  @Test func valuesOfAKey() {
    let strings = ByteStrings([
      "alias=a", "ali", "alias=", "balias=x", "aliases=y", "alias", "alias=b",
    ])
    #expect(strings.values(of: "alias").map { Array($0) } == [[0x61], [], [], [0x62]])
    #expect(strings.values(of: "name").isEmpty)
    #expect(ByteStrings([""]).values(of: "alias").isEmpty)
  }

  @Test func stringsBetweenNULs() {
    let bytes = Array("\0a\0\0bc\0d".utf8)
    #expect(ByteStrings(separatedByNUL: bytes[...]) == ByteStrings(["a", "bc", "d"]))
    #expect(ByteStrings(separatedByNUL: bytes[4...5]) == ByteStrings(["bc"]))
    #expect(ByteStrings(separatedByNUL: []).isEmpty)
  }

  @Test func mapsHoldTheLastNumberOfEachString() {
    var map = ByteStringMap()
    var reference: [[UInt8]: Int] = [:]
    for (number, sample) in samples.enumerated() {
      map.set(sample[...], number)
      reference[sample] = number
    }
    #expect(map.keys.count == reference.count)
    for (key, number) in reference { #expect(map[key[...]] == number) }
    #expect(map[Array("not there".utf8)[...]] == nil)
    #expect(ByteStringMap()[[]] == nil)
  }
}
