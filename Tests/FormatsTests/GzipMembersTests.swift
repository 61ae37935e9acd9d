import Formats
import TestSupport
import Testing

@Suite struct GzipMembersTests {
  /// What gzip writes of each content, one after another, and where each ends.
  private func members(_ contents: [[UInt8]]) async throws -> (bytes: [UInt8], ends: [Int]) {
    let folder = try TemporaryFolder()
    var bytes: [UInt8] = []
    var ends: [Int] = []
    for content in contents {
      try folder.write("in", content)
      try await Tool.shell("gzip -c in >out", in: folder.path)
      bytes += try folder.read("out")
      ends.append(bytes.count)
    }
    return (bytes, ends)
  }

  @Test("Members come with their ranges, and the rest as one")
  func ranges() async throws {
    // Empty, short, and longer than a piece of any source.
    let contents = [Array("a".utf8), [], CompressionTests.sample, Array("end".utf8)]
    let (bytes, ends) = try await members(contents)
    var reader = GzipMembers(bytes)
    for (number, content) in contents.enumerated() {
      let rest = try SourceReader(reader.rest()).readToEnd(limit: 1 << 24)
      #expect(rest == contents[number...].flatMap { $0 })
      let member = try #require(try reader.next(limit: content.count))
      #expect(member.content == content)
      #expect(member.range == (number == 0 ? 0 : ends[number - 1])..<ends[number])
      #expect(reader.offset == ends[number])
    }
    #expect(try reader.next(limit: 0) == nil)
  }

  @Test("Damage, a missing end, too much, and what is no member are errors")
  func damaged() async throws {
    let (bytes, ends) = try await members([Array("first".utf8), Array(repeating: 7, count: 5000)])
    for length in 1..<bytes.count where length != ends[0] {
      var reader = GzipMembers(Array(bytes[..<length]))
      #expect(throws: FormatError.self) {
        while try reader.next(limit: 5000) != nil {}
      }
    }
    var reader = GzipMembers(bytes)
    _ = try reader.next(limit: 5)
    let error = #expect(throws: FormatError.self) { try reader.next(limit: 4999) }
    #expect(error?.kind == .limit && error?.offset == ends[0])
    var other = GzipMembers(bytes[..<ends[0]] + Array("no member".utf8))
    _ = try other.next(limit: 5)
    #expect(throws: FormatError.self) { try other.next(limit: 5) }
  }
}
