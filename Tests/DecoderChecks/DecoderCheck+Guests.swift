import Formats

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

/// What a guest reads, and what it says.
extension DecoderCheck {
  static let guests = [
    DecoderCheck("module-index") { bytes in
      // A key, and then an index.
      guard let (key, index) = halves(bytes) else { return }
      for value in IndexTrieReader.values(of: key, in: index.span)
        + IndexTrieReader.matches(key, in: index.span)
      {
        try require(value.bytes.count < index.count, "a value lies in its index")
      }
    },
    DecoderCheck("module-alias") { bytes in
      guard let (pattern, rest) = halves(bytes) else { return }
      guard let normalized = ModuleAlias.normalized(pattern.prefix(400)) else { return }
      let text = Array(rest.prefix(400))
      let ours = ModuleAlias.matches(normalized, text)
      if !normalized.contains(where: { "*?[]".utf8.contains($0) }) {
        try require(ours == (normalized == text), "a literal is itself")
      }
    },
    DecoderCheck("kernel-parameters") { bytes in
      var parameters = KernelParameters(bytes)
      while let parameter = parameters.next() {
        try require(parameter.name.count <= bytes.count, "a name is part of the line")
        try require(
          !parameter.name.contains(UInt8(ascii: "=")), "a name ends where its value begins")
      }
      let words = parameters.arguments()
      try require(
        words.reduce(0) { $0 + $1.count } <= bytes.count, "arguments are part of the line")
    },
    DecoderCheck("dhcp") { bytes in
      guard let answer = DHCPMessage(reading: bytes) else { return }
      for address in [answer.address, answer.clientAddress] + answer.nameServers {
        try require(address.count == 4, "an address has four bytes")
      }
      for address in [answer.mask, answer.gateway, answer.server] {
        try require(address.isEmpty || address.count == 4, "an address has four bytes")
      }
      for name in [answer.hostname, answer.domain] {
        try require(!name.contains { $0 <= 0x20 || $0 >= 0x7f }, "a name is one word")
      }
    },
    DecoderCheck("modprobe.d") { bytes in
      let parts = halves(bytes) ?? (bytes, [])
      var configuration = ModprobeConfiguration()
      configuration.add(file: parts.0)
      configuration.add(commandLine: parts.1)
      for name in ["a", "b_c", "loop"].map({ Array($0.utf8) }) {
        _ = configuration.options(of: name)
        _ = configuration.command(for: name)
        if let dependency = configuration.softDependency(of: name) {
          try require(
            (dependency.before + dependency.after).allSatisfy { !$0.contains(UInt8(ascii: "-")) },
            "names have underscores")
        }
      }
    },
    DecoderCheck("uevent") { bytes in
      for separator in [0, 0x0a] as [UInt8] {
        let event = DeviceEvent(bytes, separator: separator)
        for value in [event.value(of: "MODALIAS"), event.value(of: "DEVNAME")] {
          try require(value?.contains(separator) != true, "a value is one field's")
        }
      }
    },
    DecoderCheck("run-channel") { bytes in
      // However the bytes are cut, the frames are the same.
      let whole = try frames(of: [bytes])
      try require(
        whole == frames(of: bytes.map { [$0] }), "pieces give the frames of the whole")
      var rebuilt: [UInt8] = []
      for frame in whole {
        try require(frame.payload.count <= RunFrame.payloadLimit, "a payload has a limit")
        try require(frame.stream <= 2, "a stream is one of three")
        let resources = RunResources(frame.numbers.dropFirst(2))
        try require(resources?.maxResidentBytes ?? 0 >= 0, "memory is never negative")
        rebuilt += frame.bytes
      }
      try require(bytes.starts(with: rebuilt), "frames are what was sent")
    },
    DecoderCheck("console") { bytes in
      var console = Console()
      var probe = GuestProbe()
      for line in console.receive(bytes) {
        probe.take(line)
        try require(
          line.utf8.allSatisfy { $0 >= 0x20 || $0 == 0x09 }, "a line has no control characters")
      }
      for device in probe.devices {
        try require(probe.way(to: device.path).contains(device), "a device is on its own way")
      }
    },
    DecoderCheck("lsmod") { bytes in
      let loaded = try LoadedModules(String(decoding: bytes, as: UTF8.self), name: "x")
      try require(
        loaded.modules.allSatisfy { !$0.name.isEmpty && $0.otherUsers >= 0 },
        "a module has a name and a number of users")
    },
    DecoderCheck("modaliases") { bytes in
      let index = try ModuleIndex([
        ("kernel/a.ko", aliases("pci:v00001AF4d*", "virtio:d0000000[12]v*", "acpi*:PNP0C0?:*")),
        ("kernel/b.ko", aliases("fs-ext4")),
      ])
      let lines = try DiscoveredLists.modaliases(
        in: String(decoding: bytes, as: UTF8.self), name: "x")
      let search = AliasSearch(lines.prefix(100), in: index)
      try require(
        search.modules.values.allSatisfy { $0.allSatisfy { (0..<2).contains($0) } },
        "what is found is in the index")
    },
  ]

  private static func frames(of pieces: [[UInt8]]) throws -> [RunFrame] {
    var decoder = RunFrameDecoder()
    var frames: [RunFrame] = []
    for piece in pieces {
      decoder.append(piece)
      while case .frame(let frame) = decoder.next() { frames.append(frame) }
    }
    return frames
  }

  private static func aliases(_ values: String...) -> ModuleFacts {
    var facts = ModuleFacts()
    for value in values { facts.information.append("alias=\(value)".utf8) }
    return facts
  }

  /// What stands before and behind the first zero; nil when there is none.
  private static func halves(_ bytes: [UInt8]) -> ([UInt8], [UInt8])? {
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    return parts.count == 2 ? (Array(parts[0]), Array(parts[1])) : nil
  }
}
