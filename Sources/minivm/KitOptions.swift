import ArgumentParser
import KernelKit

/// Which kit a command is about.
struct KitOptions: ParsableArguments {
  @Argument(help: "The folder of the kit.", completion: .directory)
  var kit = "."

  @Option(
    help: ArgumentHelp("The kernel's release, in a folder with several.", valueName: "release"))
  var kernel: String?

  func open() throws -> Kit {
    try Kit(folder: kit, release: kernel.map(KernelRelease.init(argument:)))
  }
}
