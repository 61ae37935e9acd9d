import ArgumentParser
import KernelKit

struct CacheCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cache",
    abstract: "List or remove downloads and cached results.",
    subcommands: [List.self, Prune.self],
    defaultSubcommand: List.self
  )

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls", abstract: "List what is in the cache: kind, size, SHA-256, name.")

    @Flag(help: "Print one JSON object, and nothing else, to stdout.")
    var json = false

    func run() throws {
      let contents = CacheListing(entries: CacheContents(try CommandEnvironment.make()).entries)
      if json {
        try printJSON(contents)
        return
      }
      for entry in contents.entries {
        let hash = entry.sha256 ?? "-"
        print("\(entry.kind.rawValue)\t\(ByteCount(entry.size))\t\(hash)\t\(entry.name)")
      }
    }
  }

  struct Prune: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "prune",
      abstract: "Remove downloads, parts of them, and what was made of them.",
      discussion: """
        What another process is downloading at the moment stays, and the note of how old the newest \
        list of each suite was: a mirror can't go back behind it.
        """)

    @Option(
      help: ArgumentHelp("Keep what was written in the last days.", valueName: "days"))
    var keepDays = 0

    func validate() throws {
      guard (0...36_500).contains(keepDays) else {
        throw ValidationError("--keep-days takes a number of days, not \(keepDays)")
      }
    }

    func run() throws {
      let contents = CacheContents(try CommandEnvironment.make())
      let removed = contents.prune(olderThan: keepDays * 86_400)
      let size = ByteCount(removed.reduce(0) { $0 + $1.size })
      let count = removed.count == 1 ? "1 entry" : "\(removed.count) entries"
      print(removed.isEmpty ? "There is nothing to remove" : "Removed \(count), \(size)")
    }
  }
}

/// What `cache ls --json` prints.
private struct CacheListing: Encodable {
  var entries: [CacheContents.Entry]
}
