package import Basics
internal import Formats

/// A named list of the modules that a kind of machine, or a file system, needs: `profiles/NAME`.
///
/// Its entries are devices and module names, not paths, so that it holds for every kernel.
package struct ModuleProfile: Sendable {
  /// The name of the file in `profiles`.
  package let name: String
  /// The file's text.
  package let text: String

  /// All that minivm comes with, by name.
  package static let all: [ModuleProfile] = DefaultFiles.profiles.map {
    ModuleProfile(name: $0, text: $1)
  }

  /// - Throws: `KitError.usage` when there is none of that name.
  package init(named name: String) throws(KitError) {
    guard let found = Self.all.first(where: { $0.name == name }) else {
      let names = Self.all.map(\.name)
      let words = name.split(separator: "+").map(String.init)
      if words.count > 1, words.allSatisfy(names.contains) {
        throw KitError(
          .usage, "unknown profile \(name.quoted)",
          advice: "write \(words.joined(separator: ",+"))")
      }
      let nearest = NearestName.name(to: name, among: names).map { "the nearest is \($0.quoted)" }
      throw KitError(
        .usage, "unknown profile \(name.quoted)",
        advice: nearest ?? "there are \(names.joined(separator: ", "))")
    }
    self = found
  }

  private init(name: String, text: String) {
    self.name = name
    self.text = text
  }

  /// The profile's entries.
  package var list: ModuleList {
    ModuleList(Array(text.utf8), name: "profiles/\(name)", style: .names)
  }

  /// Whether a line of it is for this module.
  package func lists(_ module: String) -> Bool {
    list.entries.contains {
      !$0.isRemoval && ModuleName.normalized($0.text.split(separator: " ").last ?? "") == module
    }
  }

  /// A machine that a profile is for: a line `#machine ARCHITECTURE MACHINE [BUS...]` of its file.
  package struct Machine: Sendable, Hashable {
    /// Debian's name.
    package var architecture: String
    /// The machine, as `check --machine` takes it.
    package var name: String
    /// How its disks are attached; empty for every way that it has.
    package var buses: [String]
  }

  /// The machines that it is for; none for a profile that is only an addition.
  package var machines: [Machine] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(separator: " ").map(String.init)
      guard words.count >= 3, words[0] == "#machine" else { return nil }
      return Machine(architecture: words[1], name: words[2], buses: Array(words[3...]))
    }
  }

  /// The first sentence of its comment.
  package var summary: String {
    String(text.prefix { $0 != "\n" }.drop { $0 == "#" || $0 == " " })
  }
}

/// Profiles put together: `qemu,+virtiofs,-erofs`.
package struct ProfileChoice: Sendable, Hashable, CustomStringConvertible {
  /// A profile of the choice.
  package struct Part: Sendable, Hashable {
    package let name: String
    /// Whether what it lists is taken out.
    package let isRemoval: Bool
  }

  /// What is taken when the user says nothing.
  package static let standard = ProfileChoice(parts: [Part(name: "qemu", isRemoval: false)])

  /// The profiles, in the order in which they count.
  package let parts: [Part]

  private init(parts: [Part]) {
    self.parts = parts
  }

  /// A choice that begins with `+` or `-` changes `qemu`.
  /// - Throws: `KitError.usage` for a name that no profile has.
  package init(_ text: String) throws(KitError) {
    var parts: [Part] = []
    for word in text.split(separator: ",", omittingEmptySubsequences: false) {
      let isChange = word.hasPrefix("+") || word.hasPrefix("-")
      if parts.isEmpty, isChange { parts = Self.standard.parts }
      let profile = try ModuleProfile(named: String(isChange ? word.dropFirst() : word))
      parts.append(Part(name: profile.name, isRemoval: word.hasPrefix("-")))
    }
    self.parts = parts
  }

  /// The choice as `--profile` takes it.
  package var description: String {
    parts.enumerated().map { index, part in
      (part.isRemoval ? "-" : index == 0 ? "" : "+") + part.name
    }.joined(separator: ",")
  }
}

extension ProfileChoice {
  /// Names of the profiles that are not taken out, in order.
  package var additions: [String] { parts.filter { !$0.isRemoval }.map(\.name) }

  /// The parts' lists, in order.
  func lists() throws(KitError) -> [(list: ModuleList, isRemoval: Bool)] {
    var lists: [(list: ModuleList, isRemoval: Bool)] = []
    for part in parts { lists.append((try ModuleProfile(named: part.name).list, part.isRemoval)) }
    return lists
  }
}
