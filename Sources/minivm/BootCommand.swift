public import ArgumentParser
import Formats
import Glibc
public import KernelKit

struct BootCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "boot",
    abstract: "Boot a kit in QEMU.",
    discussion: """
      Without --root, a small root disk is made whose init shows that the kit works: it prints the \
      kernel's release, loads a module from the modules disk, and powers off. With --root, your disk \
      is booted, on your terminal (Ctrl-A X ends the machine), or until --expect shows up.
      """
  )

  @Argument(help: "The folder of the kit.", completion: .directory)
  var kit = "."

  @Option(help: "A root disk, raw or qcow2; the guest may write to it.", completion: .file())
  var root: String?

  @Option(
    help: ArgumentHelp("The kernel's release, in a folder with several.", valueName: "release"))
  var kernel: String?

  @Option(help: ArgumentHelp("More of the kernel's command line.", valueName: "arguments"))
  var append: String?

  @Option(help: "auto, kvm or tcg; auto takes KVM where guests run on it.")
  var accel = "auto"

  @Option(help: "pc, q35 (amd64) or virt (arm64, riscv64).")
  var machine: String?

  @Option(help: "How disks are attached: virtio-blk, virtio-scsi, ide, ahci or nvme.")
  var disk = MachineModel.Disk.virtioBlk

  @Option(help: ArgumentHelp("Memory of the guest.", valueName: "MiB"))
  var memory = 512

  @Option(help: "Processors of the guest.")
  var cpus = 1

  @Option(help: ArgumentHelp("What the console has to show for success.", valueName: "text"))
  var expect: String?

  @Option(
    help: ArgumentHelp(
      "How long to wait for it; 120 by default where something is expected.", valueName: "seconds"))
  var timeout: Int?

  func validate() throws {
    guard accel == "auto" || Accelerator(rawValue: accel) != nil else {
      throw ValidationError("--accel is auto, kvm or tcg, not \(accel)")
    }
    guard machine.map({ MachineModel.Name(rawValue: $0) != nil }) ?? true else {
      throw ValidationError("--machine is pc, q35 or virt, not \(machine ?? "")")
    }
    guard (32...1 << 20).contains(memory), (1...255).contains(cpus), timeout ?? 1 > 0 else {
      throw ValidationError("--memory is at least 32, --cpus 1 to 255, --timeout at least 1")
    }
  }

  func run() async throws {
    let kit = try Kit(folder: kit, release: kernel.map(KernelRelease.init(argument:)))
    let model =
      try machine.flatMap(MachineModel.Name.init).map {
        try MachineModel(kit.architecture, name: $0)
      } ?? MachineModel(kit.architecture, disk: disk)
    let temporary = try StagingDirectory(in: Machine.temporaryFolder)
    defer { withExtendedLifetime(temporary) {} }
    var rootDisk: MachineDisk
    if let root {
      rootDisk = try MachineDisk(detecting: root, access: .readWrite)
    } else {
      let path = "\(temporary.path)/root.raw"
      try ProofDisk(kit).write(to: path)
      rootDisk = MachineDisk(path, format: .raw, access: .readWrite)
    }
    let extra = append.map { [$0] } ?? []
    let hasRoot = extra.contains { $0.hasPrefix("root=") || $0.contains(" root=") }
    // Nobody is there for the RAM disk's shell; what the user says of it comes later, and counts.
    let panic = root == nil ? ["panic=-1"] : []
    let machine = VirtualMachine(
      model: model, kernel: kit.kernel, initramfs: kit.initramfs,
      disks: [rootDisk] + [kit.modulesDisk].compactMap { $0 }, diskKind: disk,
      commandLine: (hasRoot ? [] : ["root=\(model.diskName(disk))"]) + panic + extra,
      memory: memory, cpus: cpus)
    let expectation = expect ?? (root == nil ? ProofDisk.success : nil)
    let showsConsole = root != nil || expect != nil
    let runner = QEMURunner(
      accelerators: Accelerator(rawValue: accel).map { [$0] }, expectation: expectation,
      timeout: (timeout ?? (expectation == nil ? nil : 120)).map { .seconds($0) },
      isInteractive: root != nil && expect == nil && isatty(0) == 1
    ) { line in
      if showsConsole || line.hasPrefix(ProofDisk.prefix) { writeToStandardError(line) }
    }
    let outcome = try await runner.run(machine)
    if let after = outcome.expectedAfter {
      print(
        "\(kit.release) booted in \(Seconds(after)) s (\(outcome.accelerator.rawValue), \(model.name.rawValue), \(disk.rawValue))"
      )
    }
  }
}

extension MachineModel.Disk: ExpressibleByArgument {}

/// A time as people read it, in tenths of a second.
struct Seconds: CustomStringConvertible {
  let description: String

  init(_ duration: Duration) {
    let tenths =
      duration.components.seconds * 10 + duration.components.attoseconds / 100_000_000_000_000_000
    description = "\(tenths / 10).\(tenths % 10)"
  }
}
