internal import Glibc

/// The terminal that this program runs on.
package enum RunTerminal {
  /// Rows and columns; nil where stdin is no terminal.
  static var size: (rows: UInt32, columns: UInt32)? {
    var size = winsize()
    guard unsafe ioctl(STDIN_FILENO, UInt(TIOCGWINSZ), &size) == 0 else { return nil }
    return (UInt32(size.ws_row), UInt32(size.ws_col))
  }

  /// Whether stdin and stdout are one, which a command can have.
  package static var isThere: Bool { isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 }

  /// Hands on keys as they are pressed, from now on. termios(3), cfmakeraw.
  static func makeRaw() {
    var settings = termios()
    guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
    unsafe cfmakeraw(&settings)
    unsafe _ = tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }
}
