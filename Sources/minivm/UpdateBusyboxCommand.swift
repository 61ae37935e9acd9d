import ArgumentParser
import Kits

struct UpdateBusyboxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "update-busybox",
    abstract: "Put a static busybox into an initramfs template.",
    discussion: """
      Replaces busybox and its links as a whole or not at all, and keeps your own files and links. Refuses \
      a busybox without an applet that init or another script uses, unless --force is given. SOURCES.json \
      in the template records the origin.

      Examples:
        minivm update-busybox template --suite trixie
        minivm update-busybox template --from alpine --mirror URL --keys /etc/apk/keys
      """
  )

  @OptionGroup var options: UpdateOptions

  func run() async throws {
    try await options.update(.busybox)
  }
}
