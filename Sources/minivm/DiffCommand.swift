import ArgumentParser
import Basics
import Formats
import Kits

struct DiffCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "diff",
    abstract: "Compare two kits.",
    discussion: """
      Compares kernels, configurations, modules, initramfs and sizes. Exit codes are those of diff(1): \
      0 when the kits are the same, 1 when they differ.

      Examples:
        minivm diff old-kit kit
        minivm diff kit/manifest-A.json kit/manifest-B.json --json
      """
  )

  @Argument(
    help: "Kit: a folder, or a manifest-VER.json in a folder with several kernels.",
    completion: .file())
  var from: String

  @Argument(help: "Kit to compare with.", completion: .file())
  var to: String

  @Flag(help: "Show whole lists instead of 20 lines.")
  var all = false

  @OptionGroup var work: WorkOptions

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func run() throws {
    let comparison = try KitComparison(Kit(from), Kit(to), jobs: work.jobs)
    if json {
      try printJSON(comparison)
    } else {
      DifferenceText(comparison, lineLimit: all ? .max : 20).show()
    }
    if !comparison.isSame { throw ExitCode(KitError.Code.invalid.rawValue) }
  }
}

/// A comparison as people read it, group by group.
private struct DifferenceText {
  let comparison: KitComparison
  /// How many lines of a group are shown.
  let lineLimit: Int

  init(_ comparison: KitComparison, lineLimit: Int) {
    self.comparison = comparison
    self.lineLimit = lineLimit
  }

  func show() {
    let kernels = comparison.kernels
    if comparison.isSame {
      print("\(kernels[0]): the kits are the same")
      return
    }
    print("kernel: \(kernels[0] == kernels[1] ? kernels[0] : kernels.joined(separator: " -> "))")
    for change in comparison.origin { print("\(change.name): \(text(change))") }
    group("programs", comparison.programs.map { "\($0.name): \(text($0))" })
    group("options", comparison.options.map { "\($0.name): \(text($0))" })
    group(
      "configuration: \(comparison.configuration.count) options",
      comparison.configuration.map { "\($0.name): \(text($0))" })
    for (name, changes) in [
      ("RAM disk", comparison.ramDisk), ("modules disk", comparison.modulesDisk),
    ] {
      if let changes { show(name, changes) }
    }
    group(
      "outputs",
      comparison.outputs.map {
        "\($0.part): \(size($0.from?.size)) -> \(size($0.to?.size))"
          + ($0.from?.size == $0.to?.size ? ", other bytes" : "")
      })
  }

  private func show(_ name: String, _ changes: ImageChanges) {
    let count = changes.modules
    var counts: [String] = []
    for (number, word) in [
      (changes.added.count, "added"), (changes.removed.count, "removed"),
      (changes.moved.count, "moved"), (changes.changed.count, "changed"),
    ] where number > 0 { counts.append("\(number) \(word)") }
    let total = count[0] == count[1] ? "\(count[0])" : "\(count[0]) -> \(count[1])"
    print(
      "\(name): \(total) \(total == "1" ? "module" : "modules"), \(counts.isEmpty ? "none of them changed" : counts.joined(separator: ", "))"
    )
    lines(changes.added.map { "+ \($0.path)  \(size($0.to))" })
    lines(changes.removed.map { "- \($0.path)  \(size($0.from))" })
    lines(changes.moved.map { "> \($0.from) -> \($0.to)" })
    lines(changes.changed.map { "~ \($0.path)  \(sizes($0.from, $0.to))" })
    lines(
      changes.files.map { file in
        switch (file.from, file.to) {
        case (nil, let entry?): "+ \(file.path)  \(describe(entry))"
        case (let entry?, nil): "- \(file.path)  \(describe(entry))"
        case (let from, let to):
          "~ \(file.path)  "
            + file.aspects.map { aspect in
              aspect == .content
                ? sizes(from?.size, to?.size)
                : "\(aspect): \(from?.text(of: aspect) ?? "") -> \(to?.text(of: aspect) ?? "")"
            }.joined(separator: ", ")
        }
      })
    if changes.otherTimes > 0 { print("  \(changes.otherTimes) files with other times only") }
    lines(changes.properties.map { "\($0.name): \(text($0))" })
  }

  private func group(_ title: String, _ content: [String]) {
    guard !content.isEmpty else { return }
    print(title)
    lines(content)
  }

  private func lines(_ content: [String]) {
    for line in content.prefix(lineLimit) { print("  \(line.visible)") }
    if content.count > lineLimit {
      print("  … and \(content.count - lineLimit) more (--all shows them)")
    }
  }

  private func text(_ change: Change) -> String {
    "\(change.from?.visible ?? "not set") -> \(change.to?.visible ?? "not set")"
  }

  private func describe(_ entry: ImageEntry) -> String {
    entry.kind == .file ? size(entry.size) : entry.target.map { "-> \($0)" } ?? entry.kind.rawValue
  }

  private func size(_ bytes: Int?) -> String {
    bytes.map { "\(ByteCount($0))" } ?? "none"
  }

  private func sizes(_ from: Int?, _ to: Int?) -> String {
    from == to ? "\(size(to)), other content" : "\(size(from)) -> \(size(to))"
  }
}
