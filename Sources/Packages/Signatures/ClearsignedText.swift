internal import Basics
internal import Formats

/// The outer form of a clear-signed file, which has to be exactly one message.
///
/// RFC 9580, section 7 (and RFC 4880, section 7). gpgv looks for a message anywhere in its input;
/// what stands around it could be taken for signed by a careless reader.
enum ClearsignedText {
  /// The lines that were signed, without blanks at their ends, which signatures leave out, and the
  /// armoured signature.
  /// - Throws: `KitError.unverified` for anything but one whole message.
  static func parts(
    _ bytes: [UInt8], _ url: String
  ) throws(KitError) -> (lines: [ArraySlice<UInt8>], signature: [UInt8]) {
    var state = State.start
    var lines: [ArraySlice<UInt8>] = []
    var signature: [UInt8] = []
    for line in bytes.split(separator: 0x0a, omittingEmptySubsequences: false) {
      let text = trimmed(line)
      if state == .signature { signature += text + [0x0a] }
      switch state {
      case .start:
        guard text.elementsEqual("-----BEGIN PGP SIGNED MESSAGE-----".utf8) else {
          throw refused(url, "there is no signed message, or text before it")
        }
        state = .header
      case .header:
        if text.isEmpty {
          state = .text
        } else if !text.starts(with: "Hash: ".utf8) {
          throw refused(url, "the signed message has a header other than Hash")
        }
      case .text:
        if text.elementsEqual("-----BEGIN PGP SIGNATURE-----".utf8) {
          state = .signature
          signature = text + [0x0a]
        } else if text.starts(with: "-----".utf8) {
          throw refused(url, "the signed message contains another one")
        } else {
          // Dash-escaped: RFC 9580, section 7.2.
          lines.append(text.starts(with: "- ".utf8) ? text.dropFirst(2) : text)
        }
      case .signature:
        if text.elementsEqual("-----END PGP SIGNATURE-----".utf8) {
          state = .end
        } else if text.starts(with: "-----".utf8) {
          throw refused(url, "the signature is not closed")
        }
      case .end:
        guard text.isEmpty else {
          throw refused(url, "there is text after the signed message")
        }
      }
    }
    switch state {
    case .end: return (lines, signature)
    case .start: throw refused(url, "it is empty")
    case .header, .text: throw refused(url, "it is not signed")
    case .signature: throw refused(url, "the signature is not closed")
    }
  }

  /// The lines of a text as `parts(_:_:)` gives them.
  static func lines(of text: [UInt8]) -> [ArraySlice<UInt8>] {
    var lines = text.split(separator: 0x0a, omittingEmptySubsequences: false).map(trimmed)
    if lines.last?.isEmpty == true { lines.removeLast() }
    return lines
  }

  private enum State {
    case start, header, text, signature, end
  }

  private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    line.withoutTrailing { $0 == 0x20 || $0 == 0x09 || $0 == 0x0d }
  }

  private static func refused(_ url: String, _ reason: String) -> KitError {
    KitError(.unverified, "\(url): \(reason)", advice: "use another mirror")
  }
}
