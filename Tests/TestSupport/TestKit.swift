import Basics
import Formats
package import Kits
import Machines
import Modules
import Packages

/// Kits of real kernels, made from what the test cache holds, without a network.
package enum TestKit {
  /// A template with Debian's busybox and e2fsck.
  package static func makeTemplate(_ folder: TemporaryFolder) throws -> String {
    try folder.write("template/init", DefaultFiles.initScript.utf8)
    try FileTree.setAttributes(folder("template/init"), mode: 0o755, seconds: 0)
    let template = try TemplateFolder(folder("template"))
    for (tool, name) in [(TemplateTool.busybox, "busybox"), (.e2fsck, "e2fsck")] {
      try template.update(tool, tool.read(TestCache.packages(name)[0]))
    }
    return template.folder
  }

  /// Builds a kit of a cached kernel.
  @discardableResult
  package static func build(
    _ name: String, template: String, to output: String,
    options: BuildOptions = BuildOptions(), sourceDateEpoch: Int? = nil
  ) throws -> Manifest {
    let packages = try TestCache.packages(name).map(DebArchive.init)
    return try KitBuilder(
      .packages(packages), inputs: packages.map(Manifest.Input.init(file:)),
      BuildPlaces(folder: output, template: template), options: options,
      environment: .testing(cache: "\(output)/cache", sourceDateEpoch: sourceDateEpoch)
    ).build()
  }

  /// The folder of this repository.
  package static let repository = (0..<3).reduce(#filePath) { path, _ in FileTree.parent(of: path) }

  /// The program that is being tested.
  package static let program: String = {
    // Beside the tests' own bundle.
    let path = CommandLine.arguments.first ?? ""
    for folder in [FileTree.parent(of: path), FileTree.parent(of: FileTree.parent(of: path))]
    where FileTree.status("\(folder)/minivm") != nil {
      return "\(folder)/minivm"
    }
    return ".build/debug/minivm"
  }()
}

extension BuildOptions {
  /// The defaults, changed.
  package static func with(_ change: (inout BuildOptions) -> Void) -> BuildOptions {
    var options = BuildOptions()
    change(&options)
    return options
  }
}
