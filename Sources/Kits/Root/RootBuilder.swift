internal import Basics
package import Formats
internal import Packages

/// Makes a root disk of layers, in two passes: the first tells which files there are in the end, the second writes
/// them. Nothing is unpacked to this machine, and of the files' content nothing stays in memory.
package struct RootBuilder {
  /// How hard a squashfs is compressed.
  package enum Level: Sendable {
    /// For a disk that is made to be kept.
    case small
    /// For one that somebody waits for.
    case fast

    var rawValue: Int32 {
      switch self {
      case .small: SquashfsWriter.defaultLevel
      case .fast: 3
      }
    }
  }

  package let layers: [RootLayer]
  package let options: RootOptions
  package let jobs: Int
  /// Seconds since 1970 that no file's time is later than; nil for no bound.
  package let latestTime: Int?
  /// Seconds since 1970.
  private let now: Int
  private let level: Level
  private let report: (_ stage: String, _ bytes: Int) -> Void
  private var description: RootDescription
  private var tree = RootTree()
  private var probes: [RootTree.Place: [UInt8]] = [:]
  private var architecture: Architecture?

  /// - Parameters:
  ///   - layers: the lowest first.
  ///   - now: seconds since 1970: the disk's own time is that of the newest file which is not later.
  ///   - report: gets how many bytes of files have passed.
  package init(
    _ layers: [RootLayer], source: RootDescription.Source, options: RootOptions, jobs: Int,
    latestTime: Int?, now: Int, level: Level = .small,
    report: @escaping (_ stage: String, _ bytes: Int) -> Void
  ) {
    self.layers = layers
    self.options = options
    self.jobs = jobs
    self.latestTime = latestTime
    self.now = now
    self.level = level
    self.report = report
    description = RootDescription(fileSystem: options.fileSystem, source: source)
  }

  /// Writes the disk's image.
  /// - Parameter output: gets it; it is not committed here.
  /// - Throws: `KitError` and `FormatError` for a source that is no root, that changes between the passes, or does not
  ///   fit into the size that was asked for.
  package mutating func write(to output: OutputFile) throws -> RootDescription {
    for (number, layer) in layers.enumerated() {
      description.source.layers.append(try read(layer, number))
    }
    guard layers.count != 1 || !tree.nodes[0].children.isEmpty else {
      throw KitError(
        .invalid, "\(layers[0].name): is empty", advice: "name an archive or a folder with a root")
    }
    var all = layers
    if let own = try ownLayer() {
      try tree.apply(hasWhiteouts: false) { own.next() }
      all.append(RootLayer.memory("minivm", own.files))
    }
    try finishAttributes()
    try writeTree(all, to: output)
    return description
  }

  // MARK: - Reading

  /// Paths whose content the first pass keeps, where they are small.
  private static let probed = [RootAccounts.usersFile, RootAccounts.groupsFile].map {
    Array($0.utf8)
  }
  private static let probeLimit = 1 << 20

  private mutating func read(
    _ layer: RootLayer, _ number: Int
  ) throws -> RootDescription.Layer {
    let opened = try layer.open()
    var entry = 0
    var bytes = 0
    var probes: [RootTree.Place: [UInt8]] = [:]
    var architecture = architecture
    try inside(layer.name) {
      try tree.apply(hasWhiteouts: layer.hasWhiteouts) {
        guard let member = try opened.members.next() else { return nil }
        if case .node(.file(let size)) = member.kind {
          bytes = bytes.addingSaturated(size)
          if Self.probed.contains(member.path), size <= Self.probeLimit {
            probes[RootTree.Place(layer: number, entry: entry)] = try SourceReader(
              opened.members.body
            ).readToEnd(limit: Self.probeLimit)
          } else if architecture == nil, size >= ELFHeader.size, member.attributes.mode & 0o111 != 0
          {
            architecture = Self.architecture(try opened.members.body.next())
          }
        }
        entry += 1
        report("reading \(FileTree.name(of: layer.name))", bytes)
        return member
      }
    }
    self.probes.merge(probes) { $1 }
    self.architecture = architecture
    var known = layer.known
    if known.diffID.isEmpty, let hash = opened.hash {
      known.diffID = "sha256:\(Digest.text(hash.finalize()))"
    }
    return known
  }

  private static func architecture(_ start: [UInt8]) -> Architecture? {
    (try? ELFHeader(start[...])).flatMap { Architecture($0) }
  }

  /// The root's etc/passwd and etc/group, where they are there and small.
  package var accounts: (users: [UInt8]?, groups: [UInt8]?) {
    mutating get { (probe(RootAccounts.usersFile), probe(RootAccounts.groupsFile)) }
  }

  /// What the first pass has kept of a file.
  private mutating func probe(_ path: String) -> [UInt8]? {
    tree.node(path).flatMap { probes[$0.place] }
  }

  // MARK: - What is added

  /// Folders that systems mount something on.
  private static let mountPoints: [RootInit.File] = [
    .init("dev", 0o755, .folder), .init("proc", 0o555, .folder), .init("sys", 0o555, .folder),
    .init("run", 0o755, .folder), .init("tmp", 0o1777, .folder),
    .init("lib/modules", 0o755, .folder),
  ]

  private mutating func ownLayer() throws -> OwnLayerReader? {
    let hasInit = tree.node(RootInit.path)?.kind.isFile == true
    let choice = options.initChoice ?? (hasInit ? .keep : .minivm)
    if choice == .keep, !hasInit {
      throw KitError(
        .invalid, "the root has no /\(RootInit.path)",
        advice: "use --init minivm, or --init none")
    }
    guard !options.isPersistent || choice == .minivm else {
      throw KitError(
        .usage, "--persist is for minivm's init, and the root has its own",
        advice: "leave it out, or add --init minivm")
    }
    description.architecture = architecture?.rawValue
    description.initProgram = RootDescription.Init(
      choice: choice, path: hasInit || choice == .minivm ? "/\(RootInit.path)" : nil)
    guard choice != .none else { return nil }
    var additions = Self.mountPoints
    var files: [RootInit.File] = []
    if choice == .minivm {
      let own = try ownInit()
      files = own.files
      additions += own.additions
    }
    files += additions.filter { tree.node($0.path) == nil }
    let time = tree.nodes[0].isImplied ? newest : tree.nodes[0].attributes.modified
    let members = files.map { $0.member(modified: time) }
    return members.isEmpty ? nil : OwnLayerReader(members)
  }

  private mutating func ownInit() throws -> RootInit {
    guard let architecture else {
      throw KitError(
        .invalid, "the root has no program, so its architecture is not known",
        advice: "use --init none")
    }
    var command = description.source.image.map { RootCommand($0.process) } ?? RootCommand()
    if command.words.isEmpty, tree.node("bin/sh")?.kind.isFile == true { command.cmd = ["/bin/sh"] }
    return try RootInit(
      command: command, architecture: architecture, passwd: accounts.users,
      group: accounts.groups, isPersistent: options.isPersistent)
  }

  /// The newest time in the tree that is not in the future.
  private var newest: FileTime {
    let bound = FileTime(seconds: min(now, latestTime ?? .max))
    return tree.nodes.reduce(FileTime(seconds: 0)) { newest, node in
      node.attributes.modified > bound ? newest : max(newest, node.attributes.modified)
    }
  }

  // MARK: - Attributes

  /// Gives files the owners and times that are asked for, and leaves out what the file system can't hold.
  private mutating func finishAttributes() throws {
    let lists = RootAccessLists(passwd: accounts.users, group: accounts.groups)
    let latest = latestTime.map { FileTime(seconds: $0) }
    let (owner, fileSystem) = (options.owner, options.fileSystem)
    var notes: [Int: [(what: String, reason: String)]] = [:]
    var number = -1
    tree.changeAll { node in
      number += 1
      if let latest, node.attributes.modified > latest { node.attributes.modified = latest }
      if let owner { (node.attributes.owner, node.attributes.group) = (owner.user, owner.group) }
      for list in node.accessLists {
        do throws(FormatError) {
          guard let attribute = try lists.attribute(list) else { continue }
          node.attributes.extended.removeAll { $0.name == attribute.name }
          node.attributes.extended.append(attribute)
        } catch {
          notes[number, default: []].append(("access control list", error.reason))
        }
      }
      node.accessLists = []
      guard !node.attributes.extended.isEmpty else { return }
      node.attributes.extended.sort { $0.name.lexicographicallyPrecedes($1.name) }
      for name in Self.unheld(node.attributes.extended, on: fileSystem) {
        node.attributes.extended.removeAll { $0.name == name }
        notes[number, default: []].append(
          (
            "extended attribute \(String(decoding: name, as: UTF8.self))",
            "\(fileSystem.rawValue) can't hold it"
          ))
      }
    }
    guard !notes.isEmpty else { return }
    tree.forEach { path, number in
      for note in notes.removeValue(forKey: number) ?? [] { drop(path, note.what, note.reason) }
    }
  }

  /// Names of attributes that the file system can't hold.
  private static func unheld(
    _ attributes: [ExtendedAttribute], on fileSystem: RootOptions.FileSystem
  ) -> [[UInt8]] {
    switch fileSystem {
    case .ext4: Ext4Writer.unheld(attributes)
    case .squashfs:
      attributes.map(\.name).filter { !SquashfsWriter.canHold(attribute: $0) }
    }
  }

  private static let droppedLimit = 1000

  private mutating func drop(_ path: [UInt8], _ what: String, _ reason: String) {
    guard description.dropped.count < Self.droppedLimit else {
      description.droppedCount += 1
      return
    }
    description.dropped.append(
      RootDescription.Dropped(
        path: "/\(String(decoding: path, as: UTF8.self))", what: what, reason: reason))
  }

  // MARK: - Writing

  private struct Plan {
    /// Where the content of each layer's entries goes: a file's first path.
    var files: [[Int: (path: [UInt8], node: Int)]]
    var links: [(path: [UInt8], target: [UInt8])] = []
    /// Bytes that an ext4 disk takes, about.
    var size = 0
  }

  private mutating func writeTree(_ layers: [RootLayer], to output: OutputFile) throws {
    let identity = HashComputation()
    let plan = makePlan(layers.count, identity)
    let disk = try RootDisk(
      options, output, level: level.rawValue, expecting: plan.size, jobs: jobs)
    try writeNodes(to: disk.writer)
    for (number, layer) in layers.enumerated() where !plan.files[number].isEmpty {
      let digest = try write(layer, plan.files[number], to: disk.writer)
      if number < description.source.layers.count {
        if description.source.layers[number].diffID.isEmpty {
          description.source.layers[number].diffID = digest
        } else if !digest.isEmpty, description.source.layers[number].diffID != digest {
          throw KitError(
            .invalid, "\(layer.name): was written to while it was read", advice: "try again")
        }
      }
    }
    for (path, target) in plan.links { try disk.writer.addHardLink(path, to: target) }
    for layer in description.source.layers { identity.update(Array("\(layer.diffID)\0".utf8)) }
    let finished = try disk.finish(identity: identity.finalize(), timestamp: newest)
    (description.size, description.uuid) = (finished.size, finished.uuid)
    description.label = options.label.isEmpty ? nil : options.label
  }

  /// Goes over all names in order, which also makes the disk's identity.
  private mutating func makePlan(_ layers: Int, _ identity: HashComputation) -> Plan {
    var plan = Plan(files: [[Int: (path: [UInt8], node: Int)]](repeating: [:], count: layers))
    var first: [Int: [UInt8]] = [:]
    var count = 0
    var contentSize = 0
    identity.update(
      Array("minivm root 1\0\(options.fileSystem.rawValue)\0\(options.label)\0".utf8))
    tree.forEach { path, number in
      count += 1
      let node = tree.nodes[number]
      identity.update(path + [0])
      identity.update(Array("\(node.kind.identity)\0\(node.attributes.identity)\0".utf8))
      for attribute in node.attributes.extended {
        identity.update(attribute.name + [0] + attribute.value)
      }
      if let target = first[number] {
        plan.links.append((path, target))
        return
      }
      // An inode, its name, and a block for what is not counted exactly.
      plan.size += 256 + 8 + path.count
      switch node.kind {
      case .file(let size):
        first[number] = path
        contentSize += size
        plan.files[node.place.layer][node.place.entry] = (path, number)
        plan.size = plan.size.addingSaturated((size + 4095) & ~4095)
      case .directory: plan.size += 4096
      default: first[number] = path
      }
    }
    description.files = count
    description.contentSize = contentSize
    return plan
  }

  private func writeNodes(to writer: any FileSystemWriter) throws {
    var seen: Set<Int> = []
    try tree.forEach { path, number in
      let node = tree.nodes[number]
      if node.kind.isFile { return }
      if node.kind != .directory, !seen.insert(number).inserted { return }
      try writer.add(path, node.kind, node.attributes, content: nil)
    }
  }

  /// - Returns: `sha256:…` of what was read, where it was hashed or is to be.
  private func write(
    _ layer: RootLayer, _ files: [Int: (path: [UInt8], node: Int)],
    to writer: any FileSystemWriter
  ) throws -> String {
    let opened = try layer.open()
    let content = opened.hash == nil && layer.known.diffID.isEmpty ? HashComputation() : nil
    var entry = 0
    var bytes = 0
    try inside(layer.name) {
      while let member = try opened.members.next() {
        defer { entry += 1 }
        guard let file = files[entry] else { continue }
        let node = tree.nodes[file.node]
        guard case .node(let kind) = member.kind, kind == node.kind else {
          throw FormatError(.io, "was written to while it was read")
        }
        var body = opened.members.body
        if let content { body = HashedContent(body, content) }
        try writer.add(file.path, kind, node.attributes, content: body)
        bytes = bytes.addingSaturated(member.size)
        report("writing \(FileTree.name(of: layer.name))", bytes)
      }
    }
    let hash = opened.hash ?? content
    return hash.map { "sha256:\(Digest.text($0.finalize()))" } ?? ""
  }
}

/// Files of this program, which are read twice.
private final class OwnLayerReader {
  let files: [MemoryMembers.File]
  private var rest: ArraySlice<MemoryMembers.File>

  init(_ files: [MemoryMembers.File]) {
    self.files = files
    rest = files[...]
  }

  func next() -> TarMember? { rest.popFirst()?.member }
}
