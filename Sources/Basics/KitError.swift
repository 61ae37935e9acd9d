package import Formats
internal import Glibc

/// Why a job could not be done, in words for its user, and the exit code that a script sees.
package struct KitError: Error, Sendable, CustomStringConvertible {
  /// The kind of an error, which is also the exit status of the program.
  package enum Code: Int32, Sendable {
    /// The input or the result is bad.
    case invalid = 1
    /// What was asked for can't be asked for.
    case usage = 2
    /// What was asked for does not exist: a package, a version, a file.
    case missing = 3
    /// Bytes are not what somebody trusted says they are.
    case unverified = 4
    /// A timeout, or an expectation that was not met.
    case unexpected = 5
  }

  /// The kind, and the exit status.
  package var code: Code
  /// One line: the file, where in it, what is wrong.
  package var message: String
  /// One line: what to do about it.
  package var advice: String?
  /// Lines that show what led to it: a console's last ones.
  package var details: [String]
  /// Whether a server refused to hand something out (status 403), which is how some say that they do
  /// not have it.
  package var isForbidden = false

  /// Makes an error.
  /// - Parameters:
  ///   - message: what failed, where and why, without a full stop.
  ///   - advice: what to do.
  ///   - details: lines to show below it.
  package init(_ code: Code, _ message: String, advice: String? = nil, details: [String] = []) {
    self.code = code
    self.message = message
    self.advice = advice
    self.details = details
  }

  /// Whether a server does not have what it was asked for, or says so by refusing it.
  package var isAbsence: Bool { code == .missing || isForbidden }

  /// One line, and one for each of the details; names in them may be an attacker's.
  package var description: String {
    let line = advice.map { "\(message); \($0)" } ?? message
    return line.visible + details.map { "\n  | \($0.visible)" }.joined()
  }
}

extension KitError {
  /// What a file that can't be opened or a format that can't be read means for the exit code.
  package init(_ error: FormatError) {
    let isMissing = error.errno == ENOENT || error.errno == ENOTDIR
    self.init(isMissing ? .missing : .invalid, error.description)
  }

  /// A folder of which nobody said which kernel it is to be.
  package init(severalKernels names: [String], in folder: String, advice: String) {
    self.init(
      .usage, "\(folder): holds more than one kernel: \(names.joined(separator: ", "))",
      advice: advice)
  }
}
