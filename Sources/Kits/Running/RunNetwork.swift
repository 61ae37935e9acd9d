package import Basics
internal import Formats
package import Machines

/// QEMU's user network, as `run --net` has it.
package enum RunNetwork {
  /// Options that would give the guest other addresses than those that it is told.
  private static let fixed: Set = ["net", "host", "dhcpstart", "dns", "ipv4"]

  /// The card of a word such as `user` or `user,hostfwd=tcp::8080-:80`; nil for `none`. Ports are forwarded from the
  /// loopback address, unless another one is named.
  /// - Throws: `KitError.usage` for another word or option.
  package static func device(argument: String) throws(KitError) -> NetworkDevice? {
    guard argument != "none" else { return nil }
    var device: NetworkDevice
    do {
      device = try NetworkDevice(argument: argument)
    } catch {
      throw KitError(
        .usage, "--net is none, or user with options, not \(argument.quoted)",
        advice: "give --net user,hostfwd=tcp::8080-:80 to reach the guest's port 80")
    }
    for (index, option) in device.userOptions.enumerated() {
      let parts = option.split(separator: "=", maxSplits: 1).map(String.init)
      guard !fixed.contains(parts[0]) else {
        throw KitError(
          .usage, "--net: the guest's addresses are fixed, \(parts[0])= can't be given",
          advice: "the guest is 10.0.2.15, this machine 10.0.2.2")
      }
      if parts[0] == "hostfwd" {
        device.userOptions[index] = "hostfwd=\(try forwarding(parts[1]))"
      }
    }
    return device
  }

  /// QEMU, `-netdev user`: `[tcp|udp]:[address]:port-[address]:port`.
  private static func forwarding(_ rule: String) throws(KitError) -> String {
    let parts = rule.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, ["", "tcp", "udp"].contains(parts[0]), parts[2].contains("-") else {
      throw KitError(
        .usage, "--net: hostfwd=\(rule) is no rule", advice: "write hostfwd=tcp::8080-:80")
    }
    return "\(parts[0]):\(parts[1].isEmpty ? "127.0.0.1" : parts[1]):\(parts[2])"
  }
}
