import Formats
import TestSupport
import Testing

/// Devices and FIFOs, and folders that come twice, in ext4 images.
@Suite struct Ext4SpecialFileTests {
  @Test("Devices and FIFOs are what debugfs says they are")
  func devices() async throws {
    let folder = try TemporaryFolder()
    let path = folder("image")
    try rawImage(path, size: 64 << 20) { writer in
      try writer.addSpecialFile("pipe", .fifo, .plain(0o600))
      try writer.addSpecialFile("dev/null", .characterDevice(major: 1, minor: 3), .plain(0o666))
      try writer.addSpecialFile("dev/big", .blockDevice(major: 4095, minor: 1_048_575), .plain())
      try writer.addDirectory("dev", .plain(0o755))
      try writer.addDirectory("dev", .plain(0o711), isAgain: true)
    }
    try await ImageTool.check(path)
    #expect(try await ImageTool.debugfs(path, "stat pipe").contains("Type: FIFO    Mode:  0600"))
    let null = try await ImageTool.debugfs(path, "stat dev/null")
    #expect(null.contains("Type: character special    Mode:  0666"))
    #expect(null.contains("(New-style) Device major/minor number: 01:03"), "\(null)")
    let big = try await ImageTool.debugfs(path, "stat dev/big")
    #expect(big.contains("Type: block special"))
    #expect(big.contains("4095:1048575 (hex fff:fffff)"), "\(big)")
    #expect(try await ImageTool.debugfs(path, "stat dev").contains("Mode:  0711"))
  }

  @Test("Device numbers that Linux has not, and what is there already, are refused")
  func refused() throws {
    let folder = try TemporaryFolder()
    for (major, minor) in [(4096, 0), (0, 1 << 20)] as [(UInt32, UInt32)] {
      #expect(throws: FormatError.self) {
        try rawImage(folder("image"), size: 64 << 20) {
          try $0.addSpecialFile("x", .blockDevice(major: major, minor: minor), .plain())
        }
      }
    }
    #expect(throws: FormatError.self) {
      try rawImage(folder("image"), size: 64 << 20) {
        try $0.addSpecialFile("x", .fifo, .plain())
        try $0.addDirectory("x", .plain(), isAgain: true)
      }
    }
  }
}
