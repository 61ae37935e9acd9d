/// What is wrong with some bytes, and where.
///
/// Every decoder and encoder of this library throws this one type. The description reads
/// `linux-image.deb: data.tar.xz: truncated: … (at byte 8000)`.
package struct FormatError: Error, Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    /// The input ends before what it announced.
    case truncated
    /// The input is not what its format's specification allows.
    case malformed
    /// A legal input that this program does not read.
    case unsupported
    /// A value does not fit where it has to go.
    case overflow
    /// A limit that protects against hostile input was reached.
    case limit
    /// A system call failed.
    case io
  }

  package var kind: Kind
  /// Where in the input: a file, then a member of it, and so on, outermost first.
  package var path: [String]
  /// Byte offset in the innermost of `path`.
  package var offset: Int?
  /// What is wrong, in words.
  package var reason: String
  /// The system's error number, for `.io`.
  package var errno: Int32?

  package init(
    _ kind: Kind, _ reason: String, offset: Int? = nil, path: [String] = [], errno: Int32? = nil
  ) {
    self.kind = kind
    self.reason = reason
    self.offset = offset
    self.path = path
    self.errno = errno
  }

  /// The same error, seen from the outside of `container`.
  package func inside(_ container: String) -> FormatError {
    var error = self
    error.path.insert(container, at: 0)
    return error
  }
}

extension FormatError: CustomStringConvertible {
  package var description: String {
    let place = offset.map { " (at byte \($0))" } ?? ""
    return (path + [reason]).joined(separator: ": ") + place
  }
}

/// Runs `body` and names `container` in the errors that come out of it; a system call's failure has
/// the path of the file that it is about, wherever that is.
package func inside<T>(
  _ container: @autoclosure () -> String, _ body: () throws -> T
) throws -> T {
  do {
    return try body()
  } catch let error as FormatError where error.kind != .io {
    throw error.inside(container())
  }
}
