internal import Basics
internal import Formats

/// The outer form of OpenPGP signatures and keys: whose they are. RFC 9580.
enum OpenPGP {
  /// A signature, of which nothing is checked yet.
  struct Signature {
    /// The packet as it stands there.
    var bytes: [UInt8]
    /// RFC 9580, section 9.5.
    var digest: Int
    /// What it is about: 0x1f, for instance, for a key. RFC 9580, section 5.2.1.
    var type: UInt8
    /// The fingerprint, or the last 16 digits of one, of the key that it says it is made by.
    var issuer: String?
    /// When it was made, in seconds since 1970.
    var created = 0
    /// Seconds for which it holds, and for which the key does that it is about; nil for ever.
    var lifetime: Int?
    var keyLifetime: Int?

    /// When it ends, in seconds since 1970; nil for never.
    var end: Int? { lifetime.map { created + $0 } }

    func isMade(by fingerprint: String) -> Bool {
      guard let issuer, !issuer.isEmpty else { return false }
      return issuer.count == 16 && fingerprint.count == 40
        ? fingerprint.hasSuffix(issuer) : fingerprint == issuer
    }
  }

  /// A key or a subkey in a keyring.
  struct Key {
    /// In capital letters.
    var fingerprint: String
    /// When it ends by itself, or by the primary key that it belongs to, in seconds since 1970; nil for
    /// never.
    var end: Int?
  }

  private enum Tag {
    static let signature = 2
    static let primaryKey = 6
    static let subkey = 14
  }

  /// The signatures in a file of them, binary or in ASCII armour.
  /// - Throws: `FormatError.malformed` for a file that holds anything else.
  static func signatures(_ bytes: [UInt8]) throws(FormatError) -> [Signature] {
    let binary =
      bytes.starts(with: "-----BEGIN".utf8) ? try Armour.decoded(bytes, .signature) : bytes
    var signatures: [Signature] = []
    for packet in try packets(binary) {
      guard packet.tag == Tag.signature else {
        throw FormatError(.malformed, "contains other packets than signatures")
      }
      // Of another version than is known: no key is known for it either.
      if let signature = signature(packet) { signatures.append(signature) }
    }
    return signatures
  }

  /// The keys and subkeys in a file of keys. A file that can't be read has none.
  static func keys(of file: [UInt8]) -> [Key] {
    var keys: [Key] = []
    // The place of the primary key, when the last key was made, and of what time its end is known.
    var (primary, created, told) = (Int?.none, 0, -1)
    for packet in (try? packets(file)) ?? [] {
      switch packet.tag {
      case Tag.primaryKey, Tag.subkey:
        guard let fingerprint = fingerprint(of: packet.body) else { return keys }
        if packet.tag == Tag.primaryKey { primary = keys.count }
        created = number(packet.body.dropFirst().prefix(4))
        told = -1
        keys.append(Key(fingerprint: fingerprint, end: nil))
      case Tag.signature:
        // The newest of what a certificate says of its own keys counts. RFC 9580, section 5.2.3.10.
        guard let signature = signature(packet), let primary, signature.created > told,
          selfSignatures.contains(signature.type), signature.isMade(by: keys[primary].fingerprint)
        else { continue }
        told = signature.created
        keys[keys.count - 1].end = signature.keyLifetime.map { created + $0 }
      default: continue
      }
    }
    return inheritingEnds(keys, file)
  }

  /// Certifications of a user's name, direct ones of a key, and bindings of a subkey.
  private static let selfSignatures: Set<UInt8> = [0x10, 0x11, 0x12, 0x13, 0x18, 0x1f]

  /// No subkey outlives its primary key.
  private static func inheritingEnds(_ keys: [Key], _ file: [UInt8]) -> [Key] {
    let tags = ((try? packets(file)) ?? []).map(\.tag).filter {
      $0 == Tag.primaryKey || $0 == Tag.subkey
    }
    var result = keys
    var end: Int?
    for (place, tag) in zip(keys.indices, tags) {
      if tag == Tag.primaryKey {
        end = keys[place].end
      } else if let end {
        result[place].end = min(keys[place].end ?? end, end)
      }
    }
    return result
  }

  /// RFC 9580, section 5.5.4.
  private static func fingerprint(of key: ArraySlice<UInt8>) -> String? {
    func digits(_ start: [UInt8], _ function: LibCrypto.HashFunction) -> String {
      Digest.text(Digest.hash(start + key, function)).uppercased()
    }
    switch key.first {
    case 4:
      guard let count = UInt16(exactly: key.count) else { return nil }
      return digits([0x99, UInt8(count >> 8), UInt8(count & 0xff)], .sha1)
    case 6:
      let count = UInt32(truncatingIfNeeded: key.count)
      return digits(
        [0x9b] + [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: count >> $0) }, .sha256)
    default: return nil
    }
  }

  /// RFC 9580, section 5.2.3.
  private static func signature(_ packet: Packet) -> Signature? {
    let body = packet.body
    guard let version = body.first, version == 4 || version == 6, body.count > 6 else { return nil }
    let width = version == 6 ? 4 : 2
    var signature = Signature(
      bytes: Array(packet.bytes), digest: Int(body[body.startIndex + 3]),
      type: body[body.startIndex + 1])
    var rest = body.dropFirst(4)
    var isFingerprint = false
    // The part that is signed, then the part that is not.
    for isSigned in [true, false] {
      let count = number(rest.prefix(width))
      rest = rest.dropFirst(width)
      var area = rest.prefix(count)
      guard area.count == count else { return nil }
      rest = rest.dropFirst(count)
      while let first = area.popFirst() {
        var length = Int(first)
        if first == 255 {
          length = number(area.prefix(4))
          area = area.dropFirst(4)
        } else if first >= 192, let second = area.popFirst() {
          length = (Int(first) - 192) << 8 + Int(second) + 192
        }
        let field = area.prefix(length)
        guard length > 0, field.count == length, let type = field.first else { return nil }
        area = area.dropFirst(length)
        switch type & 0x7f {
        case 2 where isSigned: signature.created = number(field.dropFirst())
        // Zero is for ever.
        case 3 where isSigned:
          signature.lifetime = [number(field.dropFirst())].first { $0 > 0 }
        case 9 where isSigned:
          signature.keyLifetime = [number(field.dropFirst())].first { $0 > 0 }
        case 16 where !isFingerprint && signature.issuer == nil:
          signature.issuer = Digest.text(field.dropFirst()).uppercased()
        case 33 where isSigned && field.count > 2:
          signature.issuer = Digest.text(field.dropFirst(2)).uppercased()
          isFingerprint = true
        default: break
        }
      }
    }
    return signature
  }

  private struct Packet {
    var tag: Int
    var body: ArraySlice<UInt8>
    /// With its header.
    var bytes: ArraySlice<UInt8>
  }

  /// RFC 9580, section 4.2. Lengths of unknown end and in parts are for data only.
  private static func packets(_ bytes: [UInt8]) throws(FormatError) -> [Packet] {
    var packets: [Packet] = []
    var rest = bytes[...]
    while let first = rest.first {
      let fault = FormatError(
        .malformed, "is not an OpenPGP packet", offset: rest.startIndex)
      guard first & 0x80 != 0 else { throw fault }
      var after = rest.dropFirst()
      let length: Int
      if first & 0x40 == 0 {
        let width = 1 << Int(first & 3)
        guard width <= 4, after.count >= width else { throw fault }
        length = number(after.prefix(width))
        after = after.dropFirst(width)
      } else {
        guard let one = after.popFirst() else { throw fault }
        switch one {
        case 0..<192: length = Int(one)
        case 192..<224:
          guard let two = after.popFirst() else { throw fault }
          length = (Int(one) - 192) << 8 + Int(two) + 192
        case 255:
          guard after.count >= 4 else { throw fault }
          length = number(after.prefix(4))
          after = after.dropFirst(4)
        default: throw fault
        }
      }
      guard after.count >= length else { throw fault }
      let end = after.startIndex + length
      packets.append(
        Packet(
          tag: Int(first & 0x40 == 0 ? (first >> 2) & 0x0f : first & 0x3f),
          body: after[..<end], bytes: rest[..<end]))
      rest = rest[end...]
    }
    return packets
  }

  private static func number(_ bytes: ArraySlice<UInt8>) -> Int {
    bytes.prefix(4).reduce(0) { $0 << 8 + Int($1) }
  }
}
