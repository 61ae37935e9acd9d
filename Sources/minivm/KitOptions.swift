import ArgumentParser
import Kits
import Modules

/// Which kit a command is about.
struct KitOptions: ParsableArguments {
  @Argument(
    help: "The kit's folder, or its manifest-VER.json (default: this folder).", completion: .file())
  var kit = "."

  @Option(
    help: ArgumentHelp(
      "Kernel release, or its beginning, in a folder with several kernels: 6.1.0-57.",
      valueName: "release"))
  var kernel: String?

  func open() throws -> Kit {
    try Kit(kit, release: kernel.map(KernelRelease.init(argument:)))
  }
}
