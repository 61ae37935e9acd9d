import ArgumentParser
import Kits

struct UpdateE2fsckCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update-e2fsck",
    abstract: "Put a static e2fsck into an initramfs template.",
    discussion: """
      Replaces e2fsck and its links as a whole or not at all, and keeps your own files and links. SOURCES.json \
      in the template records the origin.

      Examples:
        minivm update-e2fsck template --suite trixie
        minivm update-e2fsck template --from e2fsck-static_1.47.0-2_amd64.deb
      """
  )

  @OptionGroup var options: UpdateOptions

  func run() async throws {
    try await options.update(.e2fsck)
  }
}
