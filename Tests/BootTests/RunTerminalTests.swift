import Formats
import TestSupport
import Testing

/// `minivm run` on a terminal, as a person uses it.
@Suite(.serialized) struct RunTerminalTests {
  /// Types at a shell in the guest. Each expectation is a pattern that the typed line itself does not match.
  private static let session = """
    import fcntl, os, pty, re, struct, sys, termios, time
    def resize(file, rows, columns):
        fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    child, terminal = pty.fork()
    if child == 0:
        resize(0, 30, 90)
        os.execvp(sys.argv[1], sys.argv[1:])
    seen = b''
    def expect(pattern):
        global seen
        while not re.search(pattern, seen):
            try: piece = os.read(terminal, 4096)
            except OSError: piece = b''
            if not piece: sys.exit('%r does not come after %r' % (pattern, seen))
            seen += piece
        seen = seen[re.search(pattern, seen).end():]
    def type(text): os.write(terminal, text)
    expect(b'ready> ')
    type(b'stty size\\n'); expect(b'30 90\\r')
    expect(b'ready> ')
    # It says when it goes on: the shell has given it the terminal by then.
    type(b"sh -c 'f() { echo onward; }; trap f CONT; echo g''o; while :; do read line; done'\\n"); expect(b'go\\r')
    type(b'\\x1a'); expect(b'Stopped')
    expect(b'ready> ')
    type(b'jobs\\n'); expect(b'Stopped .*read')
    type(b'fg\\n'); expect(b'onward\\r')
    type(b'\\x03'); expect(b'ready> ')
    resize(terminal, 40, 100)
    # The new size takes its own way: a shell that waits for it sees it.
    type(b'until [ "$(stty size)" = "40 100" ]; do sleep 0.1; done; echo w"ide"\\n'); expect(b'wide\\r')
    type(b'exit 9\\n')
    try:
        while os.read(terminal, 4096): pass
    except OSError: pass
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    """

  @Test("Ctrl-Z and Ctrl-C reach the guest's job control, and sizes its programs")
  func jobControl() async throws {
    let folder = try TemporaryFolder()
    try folder.write("session.py", Self.session.utf8)
    try await RunKits.shell(
      """
      set +e
      python3 session.py $run --no-cwd --env PS1='ready> ' -- bash --norc --noprofile -i >log 2>&1
      status=$?
      cat log >&2
      test $status = 9
      """, in: folder)
  }
}
