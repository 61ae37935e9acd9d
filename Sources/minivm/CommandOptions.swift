import ArgumentParser
import Basics

/// The options of one subcommand, as its own declaration has them.
struct CommandOptions {
  /// One option or flag.
  struct Option {
    /// Without dashes.
    var long: [String] = []
    var short: [Character] = []
    var takesValue = false
    /// Whether the next word is the value even if it begins with a dash.
    var isUnconditional = false

    /// As a user writes it.
    var name: String { long.first.map { "--\($0)" } ?? short.first.map { "-\($0)" } ?? "" }
  }

  private(set) var all: [Option] = []

  /// - Throws: `DecodingError` when the parser describes the command in a form that is not known here.
  init(of command: any ParsableCommand.Type) throws {
    let description = try JSON.decode(Description.self, from: Array(command._dumpHelp().utf8))
    for argument in description.command.arguments ?? [] where argument.kind != "positional" {
      var option = Option()
      for name in argument.names ?? [] {
        if name.kind == "short" {
          option.short += name.name
        } else {
          option.long.append(name.name)
        }
      }
      option.takesValue = argument.kind == "option"
      option.isUnconditional = argument.parsingStrategy == "unconditional"
      all.append(option)
    }
    // The program's own, which every subcommand takes.
    all.append(Option(long: ["version"]))
  }

  func option(long name: some StringProtocol) -> Option? {
    all.first { $0.long.contains(String(name)) }
  }

  func option(short name: Character) -> Option? {
    all.first { $0.short.contains(name) }
  }

  /// The names of all long options that begin with a text, in order.
  func longNames(withPrefix prefix: String) -> [String] {
    all.flatMap(\.long).filter { $0.hasPrefix(prefix) }.sorted()
  }

  /// What the parser says of a command, as far as it is needed here.
  private struct Description: Decodable {
    struct Command: Decodable {
      var arguments: [Argument]?
    }

    struct Argument: Decodable {
      struct Name: Decodable {
        var kind: String
        var name: String
      }

      var kind: String
      var names: [Name]?
      var parsingStrategy: String
    }

    var command: Command
  }
}
