import ArgumentParser
import Basics
import Formats
import Kits
import Machines

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Predict whether a kit can mount its root disk.",
    discussion: """
      Goes from the machine to the disk and the file system on it, and says of each what drives it: \
      built into the kernel, in the initramfs, or missing. With --root, also says whether the disk has an init for the \
      kernel's architecture. Exit code 1: root can't be reached, or can't start.

      Examples:
        minivm check kit --machine firecracker --root root.raw
        minivm check kit --disk nvme --root-type xfs
      """
  )

  @OptionGroup var kit: KitOptions

  @Option(
    help: ArgumentHelp(
      "Machine model: pc, q35, microvm or virt, with properties (microvm,pcie=on); firecracker or cloud-hypervisor.",
      valueName: "model"))
  var machine: String?

  @Option(
    help: ArgumentHelp(
      "Bus of the root disk: virtio-blk, virtio-scsi, ide, ahci or nvme.", valueName: "bus"
    ))
  var disk = MachineDisk.Bus.virtioBlk

  @Option(
    help: ArgumentHelp(
      "File system of the root; separate several with commas: squashfs,overlay (default: that of --root, or ext4).",
      valueName: "type")
  )
  var rootType: String?

  @Option(
    help: ArgumentHelp(
      "Root disk to look into: ext4 or squashfs, raw or qcow2.", valueName: "file"),
    completion: .file())
  var root: String?

  @OptionGroup var work: WorkOptions

  @Flag(help: "Print JSON to stdout.")
  var json = false

  func validate() throws {
    let isPlain = (rootType ?? "ext4").split(separator: ",", omittingEmptySubsequences: false)
      .allSatisfy {
        !$0.isEmpty && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
      }
    guard isPlain else {
      throw ValidationError("--root-type must be a file system type, such as ext4")
    }
  }

  func run() throws {
    let kit = try kit.open()
    let model =
      try machine.map { try CheckedMachine(kit.architecture, argument: $0) }
      ?? CheckedMachine(MachineModel(kit.architecture, disk: disk))
    let image = try root.map { try FileSystemImage($0) }
    let types = rootType ?? image?.kind.rawValue ?? "ext4"
    var report = try RootCheck(kit, jobs: work.jobs).report(
      model, disk: disk, rootTypes: types.split(separator: ",").map(String.init))
    if let image { report.add(try RootContents(image, architecture: kit.architecture)) }
    if json {
      try printJSON(report)
    } else {
      show(report)
    }
    if let error = report.error { throw error }
  }

  private func show(_ report: RootCheck.Report) {
    printVisibly("\(report.kernel) on \(report.machine), root by \(report.disk)")
    let kinds = report.steps.map(\.kind.count).max() ?? 0
    let names = report.steps.map(\.name.count).max() ?? 0
    for step in report.steps {
      let state = step.state.text
      let driver = step.driver.map { "\($0) " } ?? ""
      printVisibly(
        "  \(step.kind.padded(to: kinds))  \(step.name.padded(to: names))  \(driver)\(state)")
    }
    for step in report.steps where step.kind == "initramfs" && step.isOptional {
      let advice = step.advice.map { "; \($0)" } ?? ""
      writeToStandardError("minivm: warning: \(step.problem ?? step.name)\(advice)".visible)
    }
    for step in report.steps where step.kind == "modules folder" && step.state == .missing {
      writeToStandardError(
        "minivm: warning: the root disk: \(step.problem ?? ""); \(step.advice ?? "")".visible)
    }
    if report.error == nil {
      printVisibly(
        report.startsInit == nil ? "Root can be reached." : "Root can be reached, and can start.")
    }
  }
}
