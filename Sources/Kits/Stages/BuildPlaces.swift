internal import Modules

/// Where a build's files come from and go.
package struct BuildPlaces: Sendable {
  /// Where the kit goes.
  package var folder: String
  /// A folder with `init` and what it needs.
  package var template: String
  /// Modules of the user's own, which go into `updates/`: paths of files.
  package var addedModules: [String]

  /// Names the places of a build.
  package init(folder: String, template: String, addedModules: [String] = []) {
    (self.folder, self.template, self.addedModules) = (folder, template, addedModules)
  }

  func path(_ part: Kit.Part, of release: KernelRelease, _ options: BuildOptions) -> String {
    "\(folder)/\(part.fileName(release, format: options.diskFormat))"
  }
}
