import Basics
import Formats
import Kits
import Testing

/// What a root gets where it has no init: the guest's program and its job.
@Suite struct RootInitTests {
  private static let passwd = Array("root:x:0:0::/root:/bin/sh\nann:x:12:34::/home/ann:/x\n".utf8)

  private static func frames(_ command: RootCommand) throws -> [RunFrame] {
    let own = try RootInit(
      command: command, architecture: .amd64, passwd: passwd, group: nil, isPersistent: true)
    for file in own.files {
      guard file.path == "etc/minivm/job", case .file(let bytes) = file.content else { continue }
      var decoder = RunFrameDecoder()
      decoder.append(bytes)
      var frames: [RunFrame] = []
      while case .frame(let frame) = decoder.next() { frames.append(frame) }
      return frames
    }
    return []
  }

  @Test("The job is the command's: words, variables, folder, user and signal")
  func job() throws {
    var command = RootCommand()
    (command.entrypoint, command.cmd, command.env) = (["/a"], ["b", ""], ["A=1", "HOME=/h"])
    (command.user, command.stopSignal) = ("ann:9", "RTMIN+3")
    let frames = try Self.frames(command)
    #expect(frames.first == RunFrame(.hello, numbers: [RunFrame.version]))
    #expect(frames.last == RunFrame(.start))
    #expect(frames.contains(RunFrame(.persist)))
    func texts(_ kind: RunFrame.Kind) -> [String] {
      frames.filter { $0.kind == kind }.map { String(decoding: $0.payload, as: UTF8.self) }
    }
    func numbers(_ kind: RunFrame.Kind) -> [UInt32]? { frames.first { $0.kind == kind }?.numbers }
    #expect(texts(.argument) == ["/a", "b", ""])
    #expect(numbers(.entrypoint) == [1])
    #expect(texts(.variable) == ["A=1", "HOME=/h", "PATH=\(RootCommand.defaultPath)"])
    #expect(texts(.folder) == ["/"])
    #expect(numbers(.user) == [12, 9])
    #expect(numbers(.signal) == [37])
  }

  @Test(
    "Names of signals are those of Linux",
    arguments: [
      (nil, 15), ("", 15), ("SIGKILL", 9), ("int", 2), ("SIGSYS", 31), ("3", 3), ("64", 64),
      ("SIGRTMIN", 34), ("RTMIN+3", 37), ("SIGRTMAX-1", 63), ("RTMAX", 64), ("0", nil),
      ("65", nil), ("SIGNOTHING", nil), ("RTMIN+31", nil), ("RTMIN-1", nil), ("RTMAX+1", nil),
    ] as [(String?, UInt32?)])
  func signal(_ name: String?, _ number: UInt32?) {
    var command = RootCommand()
    command.stopSignal = name
    #expect(command.stopSignalNumber == number)
  }

  @Test("Working folders never lead out of the root")
  func folders() {
    for (path, folder) in [
      ("", "/"), ("/", "/"), ("a/b", "/a/b"), ("/a/../../b/.", "/b"), ("/..", "/"),
    ] {
      var command = RootCommand()
      command.workingDir = path
      #expect(command.folder == folder)
    }
  }

  @Test("A command that can't be run is refused before a disk is made of it")
  func refused() {
    var commands = [RootCommand()]
    for index in 0..<6 {
      var command = RootCommand()
      command.cmd = ["x"]
      switch index {
      case 0: command.user = "joe"
      case 1: command.user = "ann:joe"
      case 2: command.stopSignal = "SIGX"
      case 3: command.cmd = ["a\0b"]
      case 4: command.env = ["A=" + String(repeating: "x", count: 1 << 18)]
      default: command.workingDir = "/" + String(repeating: "x", count: 256)
      }
      commands.append(command)
    }
    for command in commands {
      #expect(throws: KitError.self, "\(command)") { try Self.frames(command) }
    }
  }
}
