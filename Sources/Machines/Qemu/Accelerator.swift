internal import Basics
package import Formats

/// What executes a guest's instructions.
package enum Accelerator: String, Sendable, Hashable, CaseIterable {
  case kvm, tcg

  /// Those worth a try on this machine, best first. A `/dev/kvm` that opens is no proof: in a virtual
  /// machine without nested virtualisation it may be there, and its guests hang.
  package static func candidates(_ architecture: Architecture) -> [Accelerator] {
    guard architecture.rawValue == Machine.architecture.rawValue, Machine.hasVirtualization else {
      return [.tcg]
    }
    return [.kvm, .tcg]
  }
}
