import Basics
import Formats
import Kits

/// Differences as people read them, group by group.
struct DifferenceText {
  /// How many lines of a group are shown.
  let lineLimit: Int

  /// Shows what differs between two images.
  func show(_ changes: ImageChanges) {
    if changes.modules != [0, 0] { showModules("modules", changes) }
    lines(changes)
  }

  /// Shows what differs between two kits.
  func show(_ comparison: KitComparison) {
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
      ("initramfs", comparison.ramDisk), ("modules disk", comparison.modulesDisk),
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
    showModules(name, changes)
    lines(changes)
  }

  private func showModules(_ name: String, _ changes: ImageChanges) {
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
  }

  private func lines(_ changes: ImageChanges) {
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
