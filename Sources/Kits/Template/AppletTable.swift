package import Formats

/// The names that a busybox binary answers to, read from the binary itself, so that it may be of
/// any architecture.
///
/// busybox keeps them as one run of NUL-terminated names in byte order, in which `[` and `[[` come
/// first, ended by an empty name.
package struct AppletTable: Sendable, Hashable {
  /// More than any busybox has, which knows some 430 applets.
  private static let countLimit = 2000
  private static let nameLimit = 64
  private static let start: [UInt8] = Array("[\0[[\0".utf8)

  /// In byte order.
  package let names: [String]

  /// - Parameter program: the bytes of the executable.
  /// - Throws: `FormatError.malformed` when there is no such table in it.
  package init(_ program: [UInt8]) throws(FormatError) {
    var offset = 0
    while let place = Self.nextStart(in: program, from: offset) {
      if let names = Self.names(in: program, from: place) {
        self.names = names
        return
      }
      offset = place + 1
    }
    throw FormatError(.malformed, "is not busybox: it has no table of applet names")
  }

  private static func nextStart(in program: [UInt8], from offset: Int) -> Int? {
    var place = offset
    while place <= program.count - start.count {
      if program[place] == start[0], program[place..<place + start.count].elementsEqual(start) {
        return place
      }
      place += 1
    }
    return nil
  }

  /// - Returns: nil when what stands there is no table of names.
  private static func names(in program: [UInt8], from offset: Int) -> [String]? {
    var names: [String] = []
    var place = offset
    var last: ArraySlice<UInt8> = []
    while let end = program[place...].prefix(nameLimit + 1).firstIndex(of: 0) {
      let name = program[place..<end]
      if name.isEmpty { return names.contains("sh") ? names : nil }
      guard names.count < countLimit, isFileName(name), last.lexicographicallyPrecedes(name)
      else { return nil }
      names.append(String(decoding: name, as: UTF8.self))
      last = name
      place = end + 1
    }
    return nil
  }

  private static func isFileName(_ name: ArraySlice<UInt8>) -> Bool {
    name.allSatisfy { (0x21..<0x7f).contains($0) && $0 != UInt8(ascii: "/") }
      && !name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8)
  }
}
