package import Basics
internal import Formats

/// The folders of this machine that jobs write to, beside their results.
package struct Cache: Sendable {
  /// Holds what later runs use: downloads, signed lists, results.
  package var folder: String
  /// Holds files that nobody keeps.
  package var temporaryFolder: String
  /// Holds what this run of the program found out.
  let memory = RunMemory()

  /// Makes a cache of a folder, which need not exist yet.
  package init(folder: String, temporaryFolder: String) {
    self.folder = folder
    self.temporaryFolder = temporaryFolder
  }

  /// Returns the user's own cache.
  /// - Parameter variables: `XDG_CACHE_HOME`, `HOME`, `TMPDIR`. XDG Base Directory Specification.
  package static func system(variables: [String: String]) -> Cache {
    let folder =
      if let folder = variables["XDG_CACHE_HOME"], folder.hasPrefix("/") {
        "\(folder)/minivm"
      } else if let home = variables["HOME"], home.hasPrefix("/") {
        "\(home)/.cache/minivm"
      } else {
        // Never a folder where others may write: what is in the cache ends up in kits.
        "\(Machine.homeFolder)/.cache/minivm"
      }
    return Cache(folder: folder, temporaryFolder: temporaryFolder(variables: variables))
  }

  /// Returns the folder that TMPDIR names, or /tmp.
  package static func temporaryFolder(variables: [String: String]) -> String {
    variables["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 } ?? "/tmp"
  }

  /// Makes a folder of the cache.
  /// - Parameter path: all of its path.
  /// - Throws: `KitError.invalid` where it can't be made, with what to do.
  package func makeFolder(_ path: String) throws(KitError) {
    do {
      try FileTree.makeDirectories(path)
    } catch {
      throw KitError(
        .invalid, "\(KitError(error).message), for the cache \(folder)",
        advice: "set XDG_CACHE_HOME to a writable folder")
    }
  }
}
