internal import Formats
internal import Machines
internal import Modules

/// The device that the channel to the agent goes through.
enum RunPort: String, Sendable {
  /// A port of virtio-serial.
  case virtio
  /// A second serial port, for kernels that have no virtio-serial: some 0.1 MB/s.
  case serial

  /// What a kernel has.
  init(_ index: ModuleIndex) {
    self = RunRamDisk.has(["virtio_console"], in: index) ? .virtio : .serial
  }

  /// Names of modules that the guest needs; `? ` stands before those of a bus that it may not have.
  var modules: [String] {
    switch self {
    case .virtio: ["virtio_console"]
    case .serial: ["? 8250_pci"]
    }
  }

  /// What the kernel's command line says of it.
  var parameters: [String] { self == .serial ? ["minivm.channel=serial"] : [] }

  /// Bytes of stdin that may be on their way: what a serial port's driver keeps without losing any.
  var inputWindow: Int { self == .serial ? 1 << 14 : RunFrame.window }

  /// QEMU's arguments.
  /// - Parameter channel: a connected socket for the agent.
  func arguments(_ model: MachineModel, channel: Int32) -> [String] {
    let socket = ["-chardev", "socket,id=channel,fd=\(channel)"]
    switch self {
    case .virtio:
      return socket + [
        "-device", "virtio-serial-\(model.hasPCI ? "pci" : "device")",
        "-device", "virtserialport,chardev=channel,name=minivm.run",
      ]
    case .serial:
      let device = model.architecture == .amd64 ? "isa-serial" : "pci-serial"
      return socket + ["-device", "\(device),chardev=channel"]
    }
  }
}
