internal import Basics
internal import Formats
internal import Machines
internal import Modules

extension RootCheck {
  /// A disk of a machine that a profile is for.
  typealias Place = (machine: CheckedMachine, disk: MachineDisk.Bus)

  /// Returns the machines and disks that a profile is for; none for one that is only an addition.
  /// - Throws: `KitError.usage` for a machine or a bus that there is not.
  static func places(
    of profile: ModuleProfile, _ architecture: Architecture
  ) throws -> [Place] {
    try profile.machines.filter { $0.architecture == architecture.rawValue }.flatMap { entry in
      let machine = try CheckedMachine(architecture, argument: entry.name)
      let buses = try entry.buses.map { name in
        guard let bus = MachineDisk.Bus(rawValue: name), machine.buses.contains(bus) else {
          throw KitError(
            .usage, "profile \(profile.name): machine \(entry.name) has no \(name) disks")
        }
        return bus
      }
      return (buses.isEmpty ? machine.buses : buses).map { (machine, $0) }
    }
  }

  /// Where root is found, of what the first profile that is for a machine is for, and QEMU's machines for a list
  /// without profiles; nil when there is none.
  /// - Throws: `KitError.invalid` when a profile was chosen, and root is found nowhere. Whoever writes a
  ///   list of his own, which may take in profiles, knows his machine.
  func roots(
    of lists: ModuleLists, _ architecture: Architecture
  ) throws -> [Manifest.Root]? {
    let profiles = lists.profile.map { $0.additions } ?? lists.modules?.profiles ?? []
    let places = try (profiles.isEmpty ? ["qemu"] : profiles)
      .map { try Self.places(of: ModuleProfile(named: $0), architecture) }.first { !$0.isEmpty }
    guard let places else { return nil }
    prepare(places)
    let reports = try places.map {
      try report($0.machine, disk: $0.disk, rootTypes: rootTypes(of: lists))
    }
    if let profile = lists.profile, let error = reports.first?.error,
      !reports.contains(where: \.reachesRoot)
    {
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

  /// Why a list without profiles finds root on none of the machines that there are profiles for; nil when it
  /// does on one of them, or has drivers for others.
  func problem(ofOwn lists: ModuleLists, _ architecture: Architecture) throws
    -> String?
  {
    guard isOwn(lists) else { return nil }
    let known: Set = ["virtio_blk", "virtio_scsi", "ahci", "ata_piix", "ata_generic", "nvme"]
    let shared: Set = ["virtiofs", "9p", "9pnet_virtio", "nfs", "nfsv4"]
    guard inside.isDisjoint(with: shared), !hasController(beside: known) else { return nil }
    var places: [Place] = []
    for place in try ModuleProfile.all.flatMap({ try Self.places(of: $0, architecture) })
    where !places.contains(where: { $0 == place }) {
      places.append(place)
    }
    prepare(places)
    var first: String?
    for place in places {
      guard
        let error = try report(place.machine, disk: place.disk, rootTypes: rootTypes(of: lists))
          .error
      else { return nil }
      first = first ?? error.message
    }
    return first
  }

  private func isOwn(_ lists: ModuleLists) -> Bool {
    lists.profile == nil && lists.modules?.profiles.isEmpty == true
  }

  /// The file systems that root may have: of a list without profiles the first that it has a module of.
  private func rootTypes(of lists: ModuleLists) -> [String] {
    [isOwn(lists) ? Discovery.rootTypes.first(where: inside.contains) ?? "ext4" : "ext4"]
  }
}
