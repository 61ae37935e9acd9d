package import Basics

/// The modules of a running kernel: the output of lsmod(8), or /proc/modules.
package struct LoadedModules: Sendable {
  /// A module that the running kernel has loaded.
  package struct Module: Sendable, Hashable {
    /// The module's name, with underscores.
    package var name: String
    /// How many users it has that are no modules: mounts, open devices.
    package var otherUsers: Int
  }

  /// The modules, in the order of the text.
  package let modules: [Module]

  /// - Throws: `KitError.invalid` when a line is none of lsmod's.
  package init(_ text: String, name: String) throws(KitError) {
    var modules: [Module] = []
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (number, line) in lines.enumerated() {
      // Name, size, number of users, their names: `a,b`, in /proc/modules `a,b,` or `-`.
      let words = line.split(whereSeparator: \.isWhitespace)
      if words.isEmpty || words.starts(with: ["Module", "Size"]) { continue }
      guard words.count >= 3, Int(words[1]) != nil, let users = Int(words[2]), users >= 0
      else {
        throw KitError(
          .invalid, "\(name):\(number + 1): not a line of lsmod's output",
          advice: "make the file with `lsmod >FILE` in the guest")
      }
      let named = words.count > 3 && words[3] != "-" ? words[3].split(separator: ",") : []
      modules.append(
        Module(
          name: ModuleName.normalized(words[0]),
          otherUsers: max(0, users - named.filter { !$0.hasPrefix("[") }.count)))
    }
    guard !modules.isEmpty else {
      throw KitError(
        .invalid, "\(name): lists no modules",
        advice: "make the file with `lsmod >FILE` in the guest")
    }
    self.modules = modules
  }
}
