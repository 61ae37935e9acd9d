/// What files of etc/modprobe.d and the kernel's command line say of modules. modprobe.d(5).
package struct ModprobeConfiguration: Sendable {
  /// Modules that should be loaded with another one.
  package struct SoftDependency: Sendable {
    /// A pattern.
    package var module: [UInt8]
    package var before: [[UInt8]]
    package var after: [[UInt8]]
  }

  /// Patterns and the modules that they lead to, in the order in which they came.
  package private(set) var aliases: [(pattern: [UInt8], module: [UInt8])] = []
  private var options: [(module: [UInt8], text: [UInt8])] = []
  private var blacklist: [[UInt8]] = []
  private var forbidden: [[UInt8]] = []
  private var commands: [(module: [UInt8], command: [UInt8])] = []
  private var softDependencies: [SoftDependency] = []

  package init() {}

  // MARK: What it says

  /// The arguments of a module, with a blank between them: those of the files, then the command
  /// line's, so that the latter count.
  /// - Parameter alias: what the module is asked for as; lines for that count, too.
  package func options(of module: [UInt8], alias: [UInt8]? = nil) -> [UInt8] {
    var text: [UInt8] = []
    for option in options where option.module == module || option.module == alias {
      if !text.isEmpty { text.append(UInt8(ascii: " ")) }
      text += option.text
    }
    return text
  }

  /// Whether a device's alias must not lead to this module. Another module that needs it, or its own
  /// name, still may.
  package func isBlacklisted(_ module: [UInt8]) -> Bool {
    blacklist.contains(module)
  }

  /// Whether the kernel would refuse it: `module_blacklist=`.
  package func isForbidden(_ module: [UInt8]) -> Bool {
    forbidden.contains(module)
  }

  /// The command that stands for loading a module: the first `install` line whose pattern its name matches.
  package func command(for module: [UInt8]) -> [UInt8]? {
    commands.first { ModuleAlias.matches($0.module, module) }?.command
  }

  /// The first `softdep` line whose pattern a module's name matches.
  package func softDependency(of module: [UInt8]) -> SoftDependency? {
    softDependencies.first { ModuleAlias.matches($0.module, module) }
  }

  // MARK: Reading

  /// Adds the lines of a file. Those that say nothing of this kind are passed over.
  package mutating func add(file: [UInt8]) {
    var line: [UInt8] = []
    var position = 0
    while position <= file.count {
      let byte = position < file.count ? file[position] : UInt8(ascii: "\n")
      position += 1
      if byte == UInt8(ascii: "\n") {
        // A backslash at its end joins a line with the next one.
        if line.last == UInt8(ascii: "\\"), position < file.count {
          line[line.count - 1] = UInt8(ascii: " ")
          continue
        }
        add(line: line)
        line.removeAll(keepingCapacity: true)
      } else {
        line.append(byte)
      }
    }
  }

  private mutating func add(line: [UInt8]) {
    var words = ByteWords(line)
    guard let keyword = words.next(), keyword.first != UInt8(ascii: "#"), let name = words.next()
    else { return }
    if keyword.isText("alias") {
      guard let module = words.next(), let pattern = ModuleAlias.normalized(name),
        let module = ModuleAlias.normalized(module)
      else { return }
      aliases.append((pattern, module))
      return
    }
    let module = name.withUnderscores
    if keyword.isText("blacklist") {
      blacklist.append(module)
    } else if keyword.isText("options") {
      options.append((module, words.rest))
    } else if keyword.isText("install") {
      commands.append((module, words.rest))
    } else if keyword.isText("softdep") {
      softDependencies.append(Self.softDependency(of: module, &words))
    }
  }

  private static func softDependency(
    of module: [UInt8], _ words: inout ByteWords
  ) -> SoftDependency {
    var result = SoftDependency(module: module, before: [], after: [])
    var isAfter: Bool?
    while let word = words.next() {
      if word.isText("pre:") {
        isAfter = false
      } else if word.isText("post:") {
        isAfter = true
      } else if isAfter == true {
        result.after.append(word.withUnderscores)
      } else if isAfter == false {
        result.before.append(word.withUnderscores)
      }
    }
    return result
  }

  /// Adds `modprobe.blacklist=`, `module_blacklist=` and `MODULE.OPTION=VALUE` of the kernel's
  /// command line, up to `--`. Linux, Documentation/admin-guide/kernel-parameters.rst.
  package mutating func add(commandLine: [UInt8]) {
    var parameters = KernelParameters(commandLine)
    while let parameter = parameters.next() {
      if parameter.name.isText("modprobe.blacklist") {
        blacklist += Self.names(parameter.value)
      } else if parameter.name.isText("module_blacklist") {
        forbidden += Self.names(parameter.value)
      } else if let dot = parameter.name.firstIndex(of: UInt8(ascii: ".")) {
        let option = Array(parameter.name[(dot + 1)...])
        guard dot > 0, !option.isEmpty else { continue }
        var text = option
        if let value = parameter.value {
          text.append(UInt8(ascii: "="))
          // The kernel reads quotes around a value with blanks here as well.
          let isQuoted = value.contains { ByteWords.isBlank($0) }
          if isQuoted { text.append(UInt8(ascii: "\"")) }
          text += value
          if isQuoted { text.append(UInt8(ascii: "\"")) }
        }
        options.append((Array(parameter.name[..<dot]).withUnderscores, text))
      }
    }
  }

  private static func names(_ list: [UInt8]?) -> [[UInt8]] {
    var names: [[UInt8]] = []
    var name: [UInt8] = []
    for byte in (list ?? []) + [UInt8(ascii: ",")] {
      if byte != UInt8(ascii: ",") {
        name.append(byte)
      } else if !name.isEmpty {
        names.append(name.withUnderscores)
        name = []
      }
    }
    return names
  }
}
