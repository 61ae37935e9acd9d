internal import FoundationEssentials

/// JSON of `Codable` values, the same bytes for the same value. RFC 8259.
package enum JSON {
  /// Indented, keys in order, with a final newline.
  package static func encode(_ value: some Encodable) throws -> [UInt8] {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return try Array(encoder.encode(value)) + [0x0a]
  }

  /// - Throws: `DecodingError` for what is not JSON, or not of this type.
  package static func decode<T: Decodable>(_ type: T.Type, from bytes: [UInt8]) throws -> T {
    try JSONDecoder().decode(type, from: Data(bytes))
  }
}
