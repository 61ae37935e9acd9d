import ArgumentParser
import Basics
import Formats
import Kits
import Modules

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Explain why a module is in the initramfs.",
    discussion: """
      Without MODULE: a table of all that the RAM disk has. Sizes are of what the kernel unpacks; \
      compressed ones of the module by itself, as the RAM disk is compressed: the whole compresses a \
      little better.
      """
  )

  @OptionGroup var kit: KitOptions

  @Argument(
    help: ArgumentHelp(
      "Module name or path, or a path in the initramfs; omit KIT in a kit's folder.",
      valueName: "module"))
  var module: String?

  @Option(
    help: ArgumentHelp(
      "Device to explain, as in /sys/bus/*/devices/*/modalias.",
      valueName: "modalias"))
  var device: String?

  @OptionGroup var work: WorkOptions

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func validate() throws {
    guard device == nil || module == nil else {
      throw ValidationError("give --device or MODULE, not both")
    }
  }

  func run() throws {
    var (kit, module) = (kit, module)
    if device == nil, module == nil, let word = kit.moduleHere { (kit.kit, module) = (".", word) }
    let explanation = try KitExplanation(kit.open(), jobs: work.jobs)
    if let device {
      try explain(device, explanation)
    } else if let module {
      let item = try explanation.item(module)
      if json { try printJSON(item) } else { show(item) }
    } else {
      let items = try explanation.modules()
      if json { try printJSON(["modules": items]) } else { showTable(items) }
    }
  }

  private struct Device: Codable {
    var device: String
    var drivers: [KitExplanation.Driver]
    var builtIn: [String]
  }

  private func explain(_ device: String, _ explanation: KitExplanation) throws {
    let drivers = explanation.drivers(of: device)
    let answer = Device(device: device, drivers: drivers.modules, builtIn: drivers.builtIn)
    if json { return try printJSON(answer) }
    for driver in answer.drivers {
      printVisibly("\(driver.name)  \(driver.place.text)  \(driver.path)")
    }
    for name in answer.builtIn { printVisibly("\(name)  built into the kernel") }
    if answer.drivers.isEmpty, answer.builtIn.isEmpty {
      printVisibly("no module of kernel \(explanation.kit.release) supports this device")
      printVisibly(
        "Its driver may be built in: kernels before 6.18 list few devices of their built-in drivers."
      )
      if let other = explanation.whereElse { printVisibly("If not, \(other)") }
    }
  }

  private func show(_ item: KitExplanation.Item) {
    printVisibly("\(item.name): \(item.place.text), \(item.path)")
    func lines(_ title: String, _ lines: [String]) {
      for (index, line) in lines.enumerated() {
        printVisibly("  \((index == 0 ? title : "").padded(to: 13)) \(line)")
      }
    }
    lines("because of", item.reasons)
    lines("needs", item.needs.isEmpty ? [] : [item.needs.joined(separator: ", ")])
    lines("needed by", item.neededBy.isEmpty ? [] : [item.neededBy.joined(separator: ", ")])
    if let cost = item.cost {
      lines(item.place == .ramDisk ? "costs" : "would cost", [text(cost)])
    }
    if let cost = item.costWithThose {
      let names = item.onlyItNeeds.joined(separator: ", ")
      let verb = item.place == .ramDisk ? "which only it needs" : "which it would bring"
      lines("", ["with \(names), \(verb): \(text(cost))"])
    }
    if item.place == .modulesDisk {
      let profiles = ModuleProfile.all.filter { $0.lists(item.name) }.map {
        "--profile +\($0.name)"
      }
      let line = "\(ModuleName.listEntry(ofPath: item.path)) in modules.ramfs"
      printVisibly(
        "  The booted system loads it from there. To have it in the initramfs, use \((profiles + [line]).joined(separator: ", or "))."
      )
    }
  }

  private func text(_ cost: KitExplanation.Cost) -> String {
    "\(ByteCount(cost.size)), compressed \(ByteCount(cost.compressed))"
  }

  private func showTable(_ items: [KitExplanation.Item]) {
    let width = items.map(\.name.count).max() ?? 0
    func show(_ name: String, _ cost: KitExplanation.Cost, _ text: String = "") {
      let sizes = [cost.size, cost.compressed].map { "\(ByteCount($0))".aligned(to: 9) }
      let columns = [name.padded(to: width)] + sizes + (text.isEmpty ? [] : [text])
      printVisibly(columns.joined(separator: "  "))
    }
    var sum = KitExplanation.Cost(size: 0, compressed: 0)
    for item in items {
      let cost = item.cost ?? KitExplanation.Cost(size: 0, compressed: 0)
      let more = item.reasons.count > 1 ? " (and \(item.reasons.count - 1) more)" : ""
      show(item.name, cost, short(item.reasons.first ?? "") + more)
      sum.size += cost.size
      sum.compressed += cost.compressed
    }
    show(counted(items.count, "module"), sum)
  }

  /// Where the line is and what it is for, without the entry itself if it says so much.
  private func short(_ reason: String) -> String {
    guard let comment = reason.firstRange(of: "  # "), let place = reason.firstRange(of: ": ")
    else { return reason }
    return "\(reason[..<place.upperBound])\(reason[comment.upperBound...])"
  }
}

extension KitOptions {
  /// The one word that was given, where it is no folder and this folder is a kit.
  fileprivate var moduleHere: String? {
    var here = self
    here.kit = "."
    guard !FileTree.isDirectory(kit) else { return nil }
    do {
      _ = try here.open()
    } catch let error as KitError where error.code == .missing {
      return nil
    } catch {}
    return kit
  }
}
