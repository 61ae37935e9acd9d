package import Basics
internal import Formats

/// Network cards of QEMU that Linux has drivers for, by QEMU's names.
package enum NetworkCard: String, Sendable, Hashable, CaseIterable {
  case virtio = "virtio-net"
  case e1000, e1000e, rtl8139, pcnet, vmxnet3
  case ne2000 = "ne2k_pci"

  /// What needs a driver in the guest. QEMU's PCI ids; virtio 1.2, 5.1.
  package var device: CheckedMachine.Device {
    func onPCI(_ ids: String, _ drivers: [String]) -> CheckedMachine.Device {
      CheckedMachine.Device(
        name: "network card \(rawValue)", modalias: "pci:\(ids)bc02sc00i00", drivers: drivers)
    }
    return switch self {
    case .virtio:
      CheckedMachine.Device(
        name: "network card virtio-net", modalias: "virtio:d00000001v00001AF4",
        drivers: ["virtio_net"])
    case .e1000: onPCI("v00008086d0000100Esv00001AF4sd00001100", ["e1000"])
    case .e1000e: onPCI("v00008086d000010D3sv00008086sd00000000", ["e1000e"])
    case .rtl8139: onPCI("v000010ECd00008139sv00001AF4sd00001100", ["8139cp", "8139too"])
    case .pcnet: onPCI("v00001022d00002000sv00001AF4sd00001100", ["pcnet32"])
    case .vmxnet3: onPCI("v000015ADd000007B0sv000015ADsd000007B0", ["vmxnet3"])
    case .ne2000: onPCI("v000010ECd00008029sv00001AF4sd00001100", ["ne2k_pci"])
    }
  }
}

/// A network card of a machine, and QEMU's own network at its other end.
package struct NetworkDevice: Sendable, Hashable {
  /// The card that the guest sees.
  package var card: NetworkCard
  /// Options of QEMU's `-netdev user`, such as `hostfwd=tcp::2222-:22`.
  package var userOptions: [String]
  /// Options of QEMU's device, such as `mac=52:54:00:00:00:01`.
  package var deviceOptions: [String]

  /// Makes a card with QEMU's own network at its other end.
  package init(_ card: NetworkCard, userOptions: [String] = [], deviceOptions: [String] = []) {
    self.card = card
    self.userOptions = userOptions
    self.deviceOptions = deviceOptions
  }

  /// QEMU, `-netdev user`.
  private static let userKeys = [
    "ipv4", "net", "host", "ipv6", "ipv6-net", "ipv6-host", "restrict", "hostname", "dhcpstart",
    "dns",
    "ipv6-dns", "dnssearch", "domainname", "tftp", "tftp-server-name", "bootfile", "smb",
    "smbserver",
    "hostfwd", "guestfwd",
  ]

  /// A card as users write it: `e1000`, `user,hostfwd=tcp::2222-:22` or `e1000,hostfwd=tcp::2222-:22`; without a card's
  /// name it is a virtio-net.
  /// - Throws: `KitError.usage` for another word or option.
  package init(argument: String) throws(KitError) {
    let words = argument.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    var network = NetworkDevice(.virtio)
    var isFirst = true
    for word in words {
      defer { isFirst = false }
      if isFirst, let card = NetworkCard(rawValue: word) {
        network.card = card
        continue
      }
      if word == "user" { continue }
      let key = word.split(separator: "=", maxSplits: 1).first.map(String.init) ?? ""
      let hasValue = word.count > key.count + 1
      if Self.userKeys.contains(key), hasValue {
        network.userOptions.append(word)
      } else if key == "mac", hasValue {
        network.deviceOptions.append(word)
      } else if isFirst, !word.contains("=") {
        throw KitError(
          .usage,
          "--net must be none, user, \(NetworkCard.allCases.map(\.rawValue).joined(separator: ", ")), not \(word)",
          advice: "pass other networks to QEMU after --: -- -netdev … -device …")
      } else {
        throw KitError(
          .usage, "--net \(argument): there is no option \(word.quoted)",
          advice: "it takes those of QEMU's -netdev user, such as hostfwd=tcp::2222-:22, and mac=")
      }
    }
    self = network
  }
}
