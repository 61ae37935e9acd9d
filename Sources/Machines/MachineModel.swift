internal import Basics
package import Formats

/// A virtual machine that QEMU makes: what differs between architectures and models.
package struct MachineModel: Sendable, Hashable {
  /// The models that kits boot on, by QEMU's names.
  package enum Name: String, Sendable, Hashable, CaseIterable {
    case pc, q35, microvm, virt
  }

  /// The architecture, which decides what models there are.
  package let architecture: Architecture
  /// The model, without its properties.
  package let name: Name
  /// More of QEMU's `-machine`, such as `pcie=on`.
  package let properties: [String]

  /// The model that serves an architecture best, with the disks that are wanted.
  package init(_ architecture: Architecture, disk: MachineDisk.Bus = .virtioBlk) {
    self.architecture = architecture
    // IDE proper is what the older PC has; on q35 the same device is an AHCI one.
    name = architecture != .amd64 ? .virt : disk == .ide ? .pc : .q35
    properties = []
  }

  /// - Throws: `KitError.usage` for a model that the architecture has not, and for properties that the model has not.
  package init(_ architecture: Architecture, name: Name, properties: [String] = []) throws {
    guard (architecture == .amd64) == (name != .virt) else {
      throw KitError(
        .usage, "machine \(name.rawValue) does not exist for \(architecture.rawValue)",
        advice: "use --machine \(architecture == .amd64 ? "pc, q35 or microvm" : "virt")")
    }
    self.architecture = architecture
    self.name = name
    self.properties = properties
    try checkProperties()
  }

  /// A model as QEMU's `-machine` has it: a name, and properties after commas.
  /// - Throws: `KitError.usage` for what is no such model.
  package init(_ architecture: Architecture, argument: String) throws {
    try self.init(architecture, argument: argument, others: [])
  }

  /// - Parameter others: names of what is no machine of QEMU's, and would do, too.
  init(_ architecture: Architecture, argument: String, others: [String]) throws {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    guard let name = Name(rawValue: words[0]), !words.contains("") else {
      throw KitError(
        .usage,
        "there is no machine \(argument.quoted): it is \((Name.allCases.map(\.rawValue) + others).joined(separator: ", ")), or one of QEMU's with properties of its -machine"
      )
    }
    try self.init(architecture, name: name, properties: Array(words.dropFirst()))
  }

  /// The console that the kernel writes to.
  package var console: String {
    architecture == .arm64 ? "ttyAMA0" : "ttyS0"
  }

  /// The name, and what QEMU's `-machine` needs beside it.
  package var description: String { ([name.rawValue] + properties).joined(separator: ",") }
}
