/// The configuration of an image: what its creator wants to be run, and the layers' own digests. It reads and writes
/// the JSON of the OCI Image Format Specification, "OCI Image Configuration".
package struct ImageConfiguration: Codable, Sendable, Hashable {
  /// What runs in a container of the image.
  package var process: Process
  /// The time of the image, as RFC 3339 writes it; nil where the image has none.
  package var created: String?
  package var author: String?
  /// Go's name of the architecture, which may be empty.
  package var architecture: String
  /// Go's name of the architecture's variant, such as `v8`.
  package var variant: String?
  /// Go's name of the operating system, which may be empty.
  package var system: String
  /// The digests of the layers' uncompressed tars, the lowest first.
  package var diffIDs: [String]

  private enum CodingKeys: String, CodingKey {
    case process = "config"
    case system = "os"
    case created, author, architecture, variant, rootfs
  }

  private struct RootFileSystem: Codable {
    var type: String
    var diffIDs: [String]

    enum CodingKeys: String, CodingKey {
      case type
      case diffIDs = "diff_ids"
    }
  }

  /// What runs in a container: the object `config`.
  package struct Process: Codable, Sendable, Hashable {
    /// `USER[:GROUP]`, by names or numbers; empty for root.
    package var user = ""
    /// `PORT/PROTOCOL`, in order.
    package var exposedPorts: [String] = []
    /// `NAME=VALUE`.
    package var environment: [String] = []
    package var entrypoint: [String] = []
    /// Arguments of the entry point, or the whole command where there is none.
    package var command: [String] = []
    /// Paths that hold data of their own, in order.
    package var volumes: [String] = []
    /// Empty for `/`.
    package var workingFolder = ""
    package var labels: [String: String] = [:]
    /// `SIGTERM`, `15`; nil for SIGTERM.
    package var stopSignal: String?

    package init() {}

    private enum CodingKeys: String, CodingKey {
      case user = "User"
      case exposedPorts = "ExposedPorts"
      case environment = "Env"
      case entrypoint = "Entrypoint"
      case command = "Cmd"
      case volumes = "Volumes"
      case workingFolder = "WorkingDir"
      case labels = "Labels"
      case stopSignal = "StopSignal"
    }

    /// The keys of an object, whose values say nothing.
    private struct Keys: Codable {
      private struct Nothing: Codable {
        init() {}
        init(from decoder: any Decoder) {}
      }

      let names: [String]

      init?(_ names: [String]) {
        if names.isEmpty { return nil }
        self.names = names
      }

      init(from decoder: any Decoder) throws {
        names = try decoder.singleValueContainer().decode([String: Nothing].self).keys.sorted()
      }

      func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(
          Dictionary(names.map { ($0, Nothing()) }, uniquingKeysWith: { first, _ in first }))
      }
    }

    package init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: CodingKeys.self)
      func strings(_ key: CodingKeys) throws -> [String] {
        try values.decodeIfPresent([String].self, forKey: key) ?? []
      }
      user = try values.decodeIfPresent(String.self, forKey: .user) ?? ""
      exposedPorts = try values.decodeIfPresent(Keys.self, forKey: .exposedPorts)?.names ?? []
      environment = try strings(.environment)
      entrypoint = try strings(.entrypoint)
      command = try strings(.command)
      volumes = try values.decodeIfPresent(Keys.self, forKey: .volumes)?.names ?? []
      workingFolder = try values.decodeIfPresent(String.self, forKey: .workingFolder) ?? ""
      labels = try values.decodeIfPresent([String: String].self, forKey: .labels) ?? [:]
      stopSignal = try values.decodeIfPresent(String.self, forKey: .stopSignal)
    }

    package func encode(to encoder: any Encoder) throws {
      var values = encoder.container(keyedBy: CodingKeys.self)
      func written<Value: Collection>(_ value: Value) -> Value? { value.isEmpty ? nil : value }
      try values.encodeIfPresent(written(user), forKey: .user)
      try values.encodeIfPresent(Keys(exposedPorts), forKey: .exposedPorts)
      try values.encodeIfPresent(written(environment), forKey: .environment)
      try values.encodeIfPresent(written(entrypoint), forKey: .entrypoint)
      try values.encodeIfPresent(written(command), forKey: .command)
      try values.encodeIfPresent(Keys(volumes), forKey: .volumes)
      try values.encodeIfPresent(written(workingFolder), forKey: .workingFolder)
      try values.encodeIfPresent(written(labels), forKey: .labels)
      try values.encodeIfPresent(stopSignal, forKey: .stopSignal)
    }
  }

  package init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    process = try values.decodeIfPresent(Process.self, forKey: .process) ?? Process()
    created = try values.decodeIfPresent(String.self, forKey: .created)
    author = try values.decodeIfPresent(String.self, forKey: .author)
    architecture = try values.decodeIfPresent(String.self, forKey: .architecture) ?? ""
    variant = try values.decodeIfPresent(String.self, forKey: .variant)
    system = try values.decodeIfPresent(String.self, forKey: .system) ?? ""
    diffIDs = try values.decode(RootFileSystem.self, forKey: .rootfs).diffIDs
  }

  package func encode(to encoder: any Encoder) throws {
    var values = encoder.container(keyedBy: CodingKeys.self)
    try values.encode(process, forKey: .process)
    try values.encodeIfPresent(created, forKey: .created)
    try values.encodeIfPresent(author, forKey: .author)
    try values.encode(architecture, forKey: .architecture)
    try values.encodeIfPresent(variant, forKey: .variant)
    try values.encode(system, forKey: .system)
    try values.encode(RootFileSystem(type: "layers", diffIDs: diffIDs), forKey: .rootfs)
  }
}
