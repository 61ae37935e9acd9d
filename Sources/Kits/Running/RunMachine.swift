internal import Basics
internal import Formats
internal import Glibc
internal import Machines

/// The machine of `minivm run`, as QEMU's arguments have it.
struct RunMachine {
  var model: MachineModel
  var kernel: String
  var initramfs: String
  var modulesDisk: MachineDisk
  /// The user's own, in the order of their names in the guest.
  var disks: [MachineDisk] = []
  /// Keeps what the guest changes of its root.
  var changes: MachineDisk?
  var commandLine: [String]
  /// MiB.
  var memory: Int
  var cpus: Int
  var network: NetworkDevice?
  var shares: [RunShare]
  var transport: RunTransport
  var port: RunPort
  /// More of QEMU's own arguments.
  var extraArguments: [String]

  /// - Parameters:
  ///   - channel: a connected socket for the agent.
  ///   - servers: connected sockets of virtiofsd, one a share.
  func arguments(
    _ accelerator: Accelerator, channel: Int32, servers: [Int32]
  ) throws -> [String] {
    let bus = model.hasPCI ? "pci" : "device"
    var arguments = port.arguments(model, channel: channel)
    // What virtiofsd speaks; PCI has it by default.
    if !model.hasPCI { arguments += ["-global", "virtio-mmio.force-legacy=false"] }
    switch transport {
    case .virtiofs:
      // The server reads and writes the guest's memory.
      arguments += [
        "-object", "memory-backend-memfd,id=memory,size=\(memory)M,share=on", "-machine",
        "memory-backend=memory",
      ]
      for (index, server) in zip(shares.indices.filter { shares[$0].image == nil }, servers) {
        arguments += [
          "-chardev", "socket,id=share\(index),fd=\(server)", "-device",
          "vhost-user-fs-\(bus),chardev=share\(index),tag=\(RunJob.tag(index))",
        ]
      }
    case .p9:
      // Files that a guest makes are the user's; owners are kept where this is root.
      let security = getuid() == 0 ? "passthrough" : "none"
      for (index, share) in shares.enumerated() where share.image == nil {
        arguments += [
          "-fsdev",
          "local,id=share\(index),path=\(share.host.replacing(",", with: ",,")),security_model=\(security),multidevs=remap"
            + (share.isReadOnly ? ",readonly=on" : ""),
          "-device", "virtio-9p-\(bus),fsdev=share\(index),mount_tag=\(RunJob.tag(index))",
        ]
      }
    case .disk: break
    }
    let machine = MachineDescription(
      model: model, kernel: kernel, initramfs: initramfs, disks: allDisks, bus: .virtioBlk,
      networks: network.map { [$0] } ?? [], commandLine: port.parameters + commandLine,
      memory: memory, cpus: cpus,
      extraArguments: arguments + extraArguments)
    return try machine.arguments(accelerator, isInteractive: false)
  }

  /// The label, and here the serial number, too, of a kit's modules disk.
  private static let modulesSerial = ModulesDisk.label

  /// The user's come first, so that they are /dev/vda and on. The guest knows the others by their serial numbers.
  private var allDisks: [MachineDisk] {
    func named(_ disk: MachineDisk, _ serial: String) -> MachineDisk {
      var disk = disk
      disk.serial = serial
      return disk
    }
    let images = shares.enumerated().compactMap { index, share in
      share.image.map { named($0.disk, RunJob.tag(index)) }
    }
    let kept = changes.map { [named($0, RunChanges.serial)] } ?? []
    return disks + images + kept + [named(modulesDisk, Self.modulesSerial)]
  }

  /// QEMU's path.
  func emulator(path: String) throws(KitError) -> String {
    for folder in path.split(separator: ":") where folder.hasPrefix("/") {
      let file = "\(folder)/\(model.emulator)"
      if unsafe access(file, X_OK) == 0, !FileTree.isDirectory(file) { return file }
    }
    throw KitError(
      .missing, "\(model.emulator) is not installed or not on PATH",
      advice: "install QEMU (Debian, Ubuntu: \(model.emulatorPackages))")
  }
}
