internal import CMiniVM
internal import Formats

/// Plain GETs over libcurl.
enum Download {
  /// What a transfer and its C callback share.
  private struct Transfer {
    var receive: ([UInt8]) throws -> Void
    var failure: (any Error)?
  }

  /// Hands on the bytes at `url`, in pieces.
  /// - Throws: `KitError.missing` when the server has no such thing; what `receive` throws.
  static func get(_ url: String, _ receive: ([UInt8]) throws -> Void) throws {
    var status = 0
    var message = [UInt8](repeating: 0, count: 512)
    var failure: (any Error)?
    let result = withoutActuallyEscaping(receive) { receive in
      var transfer = Transfer(receive: receive)
      let result = unsafe withUnsafeMutablePointer(to: &transfer) { pointer in
        unsafe message.withUnsafeMutableBytes { message in
          unsafe minivm_http_get(
            url, "minivm", Self.receiver, pointer, &status,
            message.baseAddress?.assumingMemoryBound(to: CChar.self), message.count)
        }
      }
      failure = transfer.failure
      return Int(result)
    }
    if let failure { throw failure }
    let reason = String(decoding: message.prefix { $0 != 0 }, as: UTF8.self)
    switch result {
    case MINIVM_HTTP_OK where status == 200: return
    case MINIVM_HTTP_OK where status == 404 || status == 410:
      throw KitError(.missing, "\(url): the server has no such file")
    case MINIVM_HTTP_OK:
      throw KitError(.invalid, "\(url): the server answered with status \(status)")
    case MINIVM_HTTP_NO_LIBRARY:
      throw KitError(
        .invalid, "libcurl is needed to download, and this machine has none",
        advice: "install libcurl4 (Debian, Ubuntu) or libcurl (Fedora, Arch)")
    default:
      throw KitError(
        .invalid, "\(url): \(reason)", advice: "check the network and the mirror, and try again")
    }
  }

  private static let receiver: minivm_receiver = { context, bytes, count in
    guard let transfer = unsafe context?.assumingMemoryBound(to: Transfer.self) else { return 1 }
    do {
      let piece = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
      try unsafe transfer.pointee.receive(piece)
      return 0
    } catch {
      unsafe transfer.pointee.failure = error
      return 1
    }
  }
}
