import ArgumentParser
import Kits

struct UpdateE2fsckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update-e2fsck",
    abstract: "Put a static e2fsck into an initramfs template.",
    discussion: """
      What was there is replaced as a whole or not at all; files and links of your own stay. A program \
      without a name that init or another script uses is refused, unless --force is given. \
      SOURCES.json in the template notes where the program came from.
      """
  )

  @OptionGroup var options: UpdateOptions

  func run() async throws {
    try await options.update(.e2fsck)
  }
}
