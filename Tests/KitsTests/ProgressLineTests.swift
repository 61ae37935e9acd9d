import Basics
import Kits
import Machines
import Modules
import Packages
import TestSupport
import Testing

@Suite struct ProgressLineTests {
  @Test("What does not fit is cut off the title")
  func line() {
    #expect(TerminalText.line("reading 6.1", ": 2 MiB", columns: 18) == "reading 6.1: 2 MiB")
    #expect(TerminalText.line("reading 6.1", ": 2 MiB", columns: 17) == "reading...: 2 MiB")
    #expect(TerminalText.line("reading 6.1", ": 2 MiB", columns: 11) == "r...: 2 MiB")
    #expect(TerminalText.line("reading 6.1", ": 2 MiB", columns: 10) == "reading 6.")
    #expect(TerminalText.line("reading 6.1", ": 2 MiB", columns: 0) == "")
    // Two columns each, and none for an accent of its own.
    #expect(TerminalText.line("読む e\u{301}", ": 1", columns: 9) == "読む e\u{301}: 1")
    #expect(TerminalText.line("読む e\u{301}", ": 1", columns: 8) == "読...: 1")
    #expect(!TerminalText.line("a\u{1b}[2J", ": 1", columns: 30).contains("\u{1b}"))
  }

  @Test(
    "A progress line has no more columns than the terminal, and COLUMNS",
    arguments: [(40, nil), (200, "20"), (30, "200"), (12, "garbage"), (1, nil), (0, "50")])
  func width(_ terminal: Int, _ columns: String?) async throws {
    let bench = try CommandBench(OutputTests.big)
    let variable = columns.map { "COLUMNS=\($0) " } ?? "unset COLUMNS; "
    let result = try await bench.shell(
      "\(variable) script -qec 'stty cols \(terminal); \"$minivm\" build p.deb --template t --out out >/dev/null' /dev/null </dev/null"
    )
    #expect(result.status == 0, "\(result.output)\(result.errors)")
    let lines = result.output.split(separator: "\r").filter {
      $0.hasPrefix("\u{1b}[K") && !$0.hasPrefix("\u{1b}[Kminivm: ")
    }
    #expect(lines.count >= 3)
    let limit = [terminal, columns.flatMap { Int($0) } ?? 0].filter { $0 > 0 }.min() ?? 80
    for line in lines { #expect(line.dropFirst(3).count <= limit, "\(line)") }
  }
}
