import Glibc
import Synchronization

/// The user's terminal as it was before a guest had it.
private let terminal = Mutex<termios?>(nil)

func keepTerminal() {
  var settings = termios()
  guard unsafe tcgetattr(STDIN_FILENO, &settings) == 0 else { return }
  terminal.withLock { [settings] in $0 = settings }
}

func restoreTerminal() {
  terminal.withLock { kept in
    guard var settings = kept else { return }
    unsafe _ = tcsetattr(STDIN_FILENO, TCSANOW, &settings)
  }
}
