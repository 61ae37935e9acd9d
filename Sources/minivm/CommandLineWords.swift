import ArgumentParser
import Basics
import Formats
import Machines

/// The words of a command line, checked before the parser reads them.
///
/// The parser takes `-nographic` for nine flags, one of them `-h`, and prints the help with exit code 0. Here, a
/// word with one dash is a short option, several flags, or a short option with its value behind it, as getopt(3)
/// reads it; anything else is a usage error.
struct CommandLineWords {
  private let command: any ParsableCommand.Type
  private let name: String
  private let options: CommandOptions

  /// Returns the words in the form that the parser takes.
  /// - Parameter words: without the program's name.
  /// - Throws: `KitError.usage` for a subcommand or a short option that does not exist.
  static func checked(_ words: [String]) throws -> [String] {
    guard let first = words.first else { return words }
    if first.hasPrefix("-") {
      guard first != "-h", !first.hasPrefix("--") else { return words }
      let isVersion = ["-v", "-V", "-version"].contains(first)
      throw KitError(
        .usage, "unknown option \(first.quoted)",
        advice: isVersion ? "did you mean --version?" : "`minivm --help` lists the subcommands")
    }
    guard first != "help" else { return words }
    guard
      let command = MiniVM.configuration.subcommands.first(where: {
        $0.configuration.commandName == first
      })
    else {
      throw KitError(.usage, "there is no subcommand \(first.quoted)", advice: advice(for: first))
    }
    let words = command == RunCommand.self ? try withRunForms(words) : words
    let needsCheck = words.dropFirst().prefix { $0 != "--" }.contains {
      $0.hasPrefix("-") && (!$0.hasPrefix("--") && $0 != "-" || command == DepmodCommand.self)
    }
    guard needsCheck else { return words }
    return [first] + (try CommandLineWords(command, first).checked(words.dropFirst()))
  }

  /// The forms of `run` that the parser has not: a flag that may have a value, and the packages of a kernel that come
  /// in several files, as `build` takes them.
  private static func withRunForms(_ words: [String]) throws -> [String] {
    let end = words.firstIndex(of: "--") ?? words.endIndex
    let flag = "--fail-on-warnings="
    var forms = words
    for index in words[..<end].indices where words[index].hasPrefix(flag) {
      forms[index] = "--allow-warnings=\(words[index].dropFirst(flag.count))"
    }
    let packages = words[..<end].indices.filter {
      !words[$0].hasPrefix("-") && words[$0].hasSuffix(".deb")
    }
    guard packages.count > 1 else { return forms }
    let options = try CommandOptions(of: RunCommand.self)
    let isValue = { index in
      index > 0 && words[index - 1].hasPrefix("--")
        && options.option(long: words[index - 1].dropFirst(2))?.takesValue == true
    }
    for index in packages.filter({ !isValue($0) }).dropFirst() {
      forms[index] = "--with=\(words[index])"
    }
    return forms
  }

  private init(_ command: any ParsableCommand.Type, _ name: String) throws {
    self.command = command
    self.name = name
    options = try CommandOptions(of: command)
  }

  /// What other programs call the same job.
  private static let otherNames = [
    "create": "build", "make": "build", "new": "build", "start": "boot", "qemu": "boot",
    "download": "fetch", "get": "fetch", "pull": "fetch", "find": "search", "extract": "unpack",
    "compare": "diff", "inspect": "explain", "show": "explain", "profile": "profiles",
    "initramfs": "mkinitramfs", "clean": "cache", "prune": "cache",
  ]

  private static func advice(for word: String) -> String {
    let names = MiniVM.configuration.subcommands.compactMap { $0.configuration.commandName }
    let wanted = word.lowercased()
    let other = otherNames[wanted].flatMap { names.contains($0) ? $0 : nil }
    let near = other ?? NearestName.name(to: wanted, among: names)
    return near.map { "did you mean `minivm \($0)`?" } ?? "`minivm --help` lists them"
  }

  private func checked(_ words: some Collection<String>) throws(KitError) -> [String] {
    var result: [String] = []
    var rest = Array(words)[...]
    while let word = rest.popFirst() {
      if word == "--" { return result + [word] + rest }
      guard word.hasPrefix("-"), word != "-" else {
        result.append(word)
        continue
      }
      let option: CommandOptions.Option?
      if word.hasPrefix("--") {
        let (text, name) = try complete(word)
        result.append(text)
        option = text.contains("=") ? nil : options.option(long: name)
      } else {
        if command == DepmodCommand.self, let folder = moduleFolder(word, &rest) {
          result.append("--moduledir=\(folder)")
          continue
        }
        option = try append(short: word, to: &result)
      }
      guard let option, option.takesValue, let value = rest.first, value.hasPrefix("-"),
        value != "-"
      else { continue }
      guard option.isUnconditional else {
        throw KitError(
          .usage, "\(option.name) needs a value before \(value.quoted)",
          advice: "write a value that begins with a dash as \(option.name)=\(value.shellQuoted)")
      }
      result.append(value)
      rest = rest.dropFirst()
    }
    return result
  }

  /// A long option with its whole name. As getopt_long(3) has it, depmod's may be cut off where that is
  /// unambiguous.
  private func complete(_ word: String) throws(KitError) -> (text: String, name: String) {
    let parts = word.dropFirst(2).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard command == DepmodCommand.self, options.option(long: name) == nil, !name.isEmpty else {
      return (word, name)
    }
    let matches = options.longNames(withPrefix: name)
    guard let match = matches.first else { return (word, name) }
    guard matches.count == 1 else {
      throw KitError(
        .usage, "--\(name) is ambiguous",
        advice: "write \(matches.map { "--\($0)" }.joined(separator: " or "))")
    }
    return ("--\(match)" + word.dropFirst(2 + name.count), match)
  }

  /// The value of kmod 32's `-m FOLDER`; in earlier ones -m means nothing, and has no value.
  private func moduleFolder(_ word: String, _ rest: inout ArraySlice<String>) -> String? {
    if word.hasPrefix("-m/") { return String(word.dropFirst(2)) }
    guard word == "-m", let value = rest.first, value.contains("/") else { return nil }
    rest = rest.dropFirst()
    return value
  }

  /// Adds what a word with one dash stands for.
  /// - Returns: the option whose value the next word has to be, if any.
  private func append(
    short word: String, to result: inout [String]
  ) throws(KitError) -> CommandOptions.Option? {
    let letters = word.dropFirst()
    let long = letters.prefix { $0 != "=" }
    if letters.count > 1, options.option(long: long) != nil { throw unknown(word) }
    var flags: [String] = []
    var rest = letters
    while let letter = rest.popFirst() {
      guard let option = options.option(short: letter) else { throw unknown(word) }
      guard option.takesValue else {
        flags.append("-\(letter)")
        continue
      }
      result += flags
      if rest.isEmpty {
        result.append("-\(letter)")
        return option
      }
      result.append("\(option.name)=\(rest.first == "=" ? rest.dropFirst() : rest)")
      return nil
    }
    result += flags
    return nil
  }

  private func unknown(_ word: String) -> KitError {
    let text = String(word.dropFirst().prefix { $0 != "=" })
    let names = options.all.flatMap(\.long)
    let near =
      options.option(long: text)?.long.first
      ?? (text.count > 2 ? NearestName.name(to: text, among: names) : nil)
    var advice = near.map { "did you mean --\($0)?" }
    if command == BootCommand.self || command == DiscoverCommand.self {
      let forQEMU = "QEMU's options come after --: `minivm \(name) … -- \(word.shellQuoted)`"
      advice = advice.map { "\($0) \(forQEMU)" } ?? forQEMU
    }
    return KitError(
      .usage, "unknown option \(word.quoted)",
      advice: advice ?? "`minivm \(name) --help` lists its options")
  }
}
