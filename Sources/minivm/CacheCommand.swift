import ArgumentParser
import Basics
import Formats
import Packages

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "List or remove downloads and cached results.",
    subcommands: [List.self, Prune.self],
    defaultSubcommand: List.self
  )

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List kind, size, SHA-256 and name of each entry.",
      discussion: """
        Kinds: file (a complete download), partial (an interrupted one, which the next run continues), list \
        (a mirror's signed list, for --offline), template, proof and result (parts of kits).

        Examples:
          minivm cache
          minivm cache ls --json
        """)

    @Flag(help: "Print JSON to stdout.")
    var json = false

    func run() throws {
      let environment = try CommandEnvironment.make()
      let contents = CacheListing(
        entries: CacheContents(environment.cache, environment.clock).entries)
      if json {
        try printJSON(contents)
        return
      }
      for entry in contents.entries {
        let hash = entry.sha256 ?? "-"
        let columns = [entry.kind.rawValue, "\(ByteCount(entry.size))", hash, entry.name]
        printText(columns.map(\.visible).joined(separator: "\t"))
      }
    }
  }

  struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "prune",
      abstract: "Remove downloads, partial downloads and cached results.",
      discussion: """
        Keeps downloads in progress, and the date of the newest list of each suite, which protects \
        against mirrors that go back in time.

        Examples:
          minivm cache prune
          minivm cache prune --keep-days 30
        """)

    @Option(
      help: ArgumentHelp("Keep entries of the last days.", valueName: "days"))
    var keepDays = 0

    func validate() throws {
      guard (0...36_500).contains(keepDays) else {
        throw ValidationError("--keep-days takes a number of days, not \(keepDays)")
      }
    }

    func run() throws {
      let environment = try CommandEnvironment.make()
      let contents = CacheContents(environment.cache, environment.clock)
      let removed = contents.prune(olderThan: keepDays * 86_400)
      let size = ByteCount(removed.reduce(0) { $0 + $1.size })
      let count = removed.count == 1 ? "1 entry" : "\(removed.count) entries"
      print(removed.isEmpty ? "Nothing to remove" : "Removed \(count), \(size)")
    }
  }
}

/// What `cache ls --json` prints.
private struct CacheListing: Encodable {
  var entries: [CacheContents.Entry]
}
