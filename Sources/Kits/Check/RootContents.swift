package import Formats

extension RootCheck.Report {
  /// Adds what a root disk has of what it needs to start: an init for the kernel's architecture, the dynamic loader
  /// that it names, a folder for the modules.
  package mutating func add(_ contents: RootContents) {
    steps += contents.steps
    startsInit = !contents.steps.contains { $0.state == .missing && !$0.isOptional }
  }
}

/// What of a root disk is needed to start it.
package struct RootContents {
  /// The programs that are tried, in this order; as the kernel itself does.
  private static let programs = ["/sbin/init", "/etc/init", "/bin/init", "/bin/sh"]
  /// As many scripts as the kernel runs for each other: BINPRM_MAX_RECURSION.
  private static let scriptLimit = 5
  /// Bytes of a program that are read: the name of its loader is in them.
  private static let startSize = 1 << 16

  private let image: FileSystemImage
  private let architecture: Architecture
  private(set) var steps: [RootCheck.Step] = []

  /// - Parameters:
  ///   - image: the root disk.
  ///   - architecture: the kernel's.
  /// - Throws: `FormatError` for a disk that can't be read.
  package init(_ image: FileSystemImage, architecture: Architecture) throws {
    self.image = image
    self.architecture = architecture
    try inside(image.path) {
      try findInit()
      try findModulesFolder()
    }
  }

  private mutating func findInit() throws {
    var step = RootCheck.Step(kind: "init", name: "/sbin/init", state: .missing, isOptional: false)
    for program in Self.programs {
      guard let inode = try image.files.find(Array(program.utf8)) else { continue }
      let file = try image.files.inode(inode)
      guard file.kind.isFile, file.attributes.mode & 0o111 != 0 else { continue }
      step.name = program
      return try check(&step, inode, scripts: 0)
    }
    step.problem = "it has no init: \(Self.programs.joined(separator: ", "))"
    step.advice = "make it with minivm root, or name its init with init= on the kernel command line"
    steps.append(step)
  }

  private mutating func check(_ step: inout RootCheck.Step, _ inode: UInt64, scripts: Int) throws {
    let start = try SourceReader(image.files.content(ofFile: inode)).read(upTo: Self.startSize)
    let bytes = Array(start)
    if bytes.starts(with: Array("#!".utf8)) {
      let line = String(decoding: bytes.prefix { $0 != 0x0a }.dropFirst(2), as: UTF8.self)
      let interpreter = line.split(whereSeparator: \.isWhitespace).first.map(String.init) ?? ""
      guard scripts < Self.scriptLimit,
        let next = try image.files.find(Array(interpreter.utf8)),
        try image.files.inode(next).kind.isFile
      else {
        step.problem = "\(step.name) is a script for \(interpreter.quoted), which it does not have"
        steps.append(step)
        return
      }
      return try check(&step, next, scripts: scripts + 1)
    }
    guard let header = try? ELFHeader(bytes.prefix(ELFHeader.size)[...]) else {
      step.problem = "\(step.name) is neither an ELF program nor a script"
      steps.append(step)
      return
    }
    step.driver = Architecture(header)?.rawValue
    guard mayRun(header) else {
      step.problem =
        "\(step.name) is for \(step.driver ?? "machine \(header.machine)"), the kernel for \(architecture.rawValue)"
      step.advice = "use a root for \(architecture.rawValue), or a kit for the root's architecture"
      steps.append(step)
      return
    }
    step.state = .onRoot
    steps.append(step)
    guard let loader = header.interpreter(of: bytes) else { return }
    var needed = RootCheck.Step(kind: "loader", name: loader, state: .onRoot, isOptional: false)
    if try image.files.find(Array(loader.utf8)) == nil {
      needed.state = .missing
      needed.problem = "\(step.name) needs \(loader), which it does not have"
    }
    steps.append(needed)
  }

  /// Kernels run their own architecture's programs; those of amd64 also i386's, where Debian's are built so.
  private func mayRun(_ header: ELFHeader) -> Bool {
    let i386: UInt16 = 3
    return Architecture(header) == architecture
      || architecture == .amd64 && header.machine == i386
  }

  private mutating func findModulesFolder() throws {
    let name = "/lib/modules"
    var step = RootCheck.Step(
      kind: "modules folder", name: name, state: .onRoot, isOptional: true)
    let inode = try image.files.find(Array(name.utf8))
    if try inode.map({ try image.files.inode($0).kind }) != .directory {
      step.state = .missing
      step.problem = "it has no folder \(name), on which the modules disk is mounted"
      step.advice = "boot it with rw once, which makes the folder"
    }
    steps.append(step)
  }
}
