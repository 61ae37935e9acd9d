/// Names of files as text: Linux takes any bytes.
package enum ByteText {
  /// Returns the bytes as text; those that are no UTF-8 as `\xE9`, so that different names stay different.
  package static func escaped(_ bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self) { return text }
    var text = ""
    var rest = bytes[...]
    while let first = rest.first {
      let length = [2, 3, 4].first {
        rest.count >= $0
          && String(validating: rest.prefix($0), as: UTF8.self)?.unicodeScalars.count == 1
      }
      if first < 0x80 {
        text.unicodeScalars.append(Unicode.Scalar(first))
        rest.removeFirst()
      } else if let length {
        text += String(decoding: rest.prefix(length), as: UTF8.self)
        rest.removeFirst(length)
      } else {
        text += "\\x" + String(first, radix: 16, uppercase: true)
        rest.removeFirst()
      }
    }
    return text
  }
}
