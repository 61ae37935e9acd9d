extension RootCheck {
  /// The machines and disks that a profile is for; none for one that is only an addition.
  static func places(
    of profile: ProfileChoice, _ architecture: MachineModel.Architecture
  ) throws -> [(machine: CheckedMachine, disk: MachineDisk.Bus)] {
    let names: [String]
    switch profile.parts.first?.name {
    case "qemu", "gns3", "all": names = architecture == .amd64 ? ["q35", "pc"] : ["virt"]
    case "microvm": names = architecture == .amd64 ? ["microvm"] : []
    case "firecracker", "cloud-hypervisor":
      names = architecture == .riscv64 ? [] : [profile.parts[0].name]
    default: names = []
    }
    return try names.flatMap { name in
      let machine = try CheckedMachine(architecture, argument: name)
      // What the PC shares with q35 is checked once.
      return machine.buses.filter { name != "pc" || $0 == .ide }.map { (machine, $0) }
    }
  }

  /// Where root is found, of what the profile is for.
  /// - Parameter profile: nil when there is none: whoever writes a list of his own knows his machine.
  /// - Throws: `KitError.invalid` when root is found nowhere.
  func roots(
    of profile: ProfileChoice?, _ architecture: MachineModel.Architecture
  ) throws -> [Manifest.Root]? {
    guard let profile else { return nil }
    let places = try Self.places(of: profile, architecture)
    prepare(places)
    let reports = try places.map {
      try report($0.machine, disk: $0.disk)
    }
    if let error = reports.first?.error, !reports.contains(where: \.reachesRoot) {
      throw KitError(
        .invalid, "profile \(profile): \(error.message)", advice: error.advice)
    }
    return reports.map {
      Manifest.Root(
        machine: $0.machine, disk: $0.disk,
        problem: $0.reachesRoot
          ? nil : $0.steps.first { !$0.isOptional && $0.state == .missing }?.problem)
    }
  }
}
