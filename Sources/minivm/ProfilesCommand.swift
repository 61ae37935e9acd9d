import ArgumentParser
import Modules

struct ProfilesCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "profiles",
    abstract: "List the module profiles, or print one.",
    discussion: """
      `build` and `mkinitramfs` take profiles with --profile, combined as in qemu,+virtiofs,-erofs.

      Examples:
        minivm profiles
        minivm profiles gns3
      """
  )

  @Argument(
    help: ArgumentHelp("Print this profile.", valueName: "name"),
    completion: .list(ModuleProfile.all.map(\.name)))
  var name: String?

  func run() throws {
    if let name {
      print(try ModuleProfile(named: name).text, terminator: "")
      return
    }
    let width = ModuleProfile.all.map(\.name.count).max() ?? 0
    for profile in ModuleProfile.all {
      print("\(profile.name.padded(to: width))  \(profile.summary)")
    }
  }
}
