internal import Basics
internal import Formats

/// A user's own defaults: `minivm.yaml` in the current folder, or else in the user's configuration
/// folder. They stand above those of the machine's apt sources, and below options.
package struct Configuration: Sendable, Hashable {
  /// Addresses of mirrors.
  package var mirrors: [String] = []
  /// The suite; nil for those of apt's sources.
  package var suite: String?
  /// The components to look in; empty for all that there are, or those of apt's sources.
  package var components: [String] = []
  /// Debian's name.
  package var architecture: String?
  /// `HOST[/PREFIX]` of the registry that container images without one belong to.
  package var imageRegistry: String?
  /// Files of keys.
  package var keyrings: [String] = []
  /// The file, where it is one of the current folder and not the user's own: whoever wrote it chose.
  package var foreignFile: String?

  private static let fileName = "minivm.yaml"
  private static let sizeLimit = 1 << 20

  /// Makes a configuration without settings.
  package init() {}

  /// Reads the first of the two files that there is; none is fine.
  /// - Parameter variables: `XDG_CONFIG_HOME`, `HOME`. XDG Base Directory Specification.
  /// - Throws: `KitError.usage` with the file and the line for what can't be meant.
  package static func load(
    folder: String = ".", variables: [String: String]
  ) throws -> Configuration {
    var paths = [folder == "." ? fileName : "\(folder)/\(fileName)"]
    if let home = variables["XDG_CONFIG_HOME"], home.hasPrefix("/") {
      paths.append("\(home)/minivm/\(fileName)")
    } else if let home = variables["HOME"], !home.isEmpty {
      paths.append("\(home)/.config/minivm/\(fileName)")
    }
    for path in paths where FileTree.status(path, followingLink: true) != nil {
      var configuration = try Configuration(
        reading: try InputFile(path).readAll(limit: sizeLimit), path: path)
      if path == paths[0] { configuration.foreignFile = path }
      return configuration
    }
    return Configuration()
  }

  init(reading bytes: [UInt8], path: String) throws(KitError) {
    func fault(_ line: Int, _ message: String, _ advice: String? = nil) -> KitError {
      KitError(.usage, "\(path):\(line): \(message)", advice: advice)
    }
    let yaml: YAMLSettings
    do {
      yaml = try YAMLSettings(reading: bytes)
    } catch {
      throw fault(error.line, error.message)
    }
    for setting in yaml.settings {
      func text() throws(KitError) -> String {
        guard !setting.isOther, !setting.isList, let value = setting.values.first, !value.isEmpty
        else {
          throw fault(
            setting.line, "\(setting.name) must be a string", "quote numbers")
        }
        return value
      }
      func texts(_ what: String) throws(KitError) -> [String] {
        guard !setting.isOther, !setting.values.isEmpty, !setting.values.contains("") else {
          throw fault(setting.line, "\(setting.name) must be \(what), or a list of them")
        }
        return setting.values
      }
      switch setting.name {
      case "mirror": mirrors = try texts("an address")
      case "suite": suite = try text()
      case "component": components = try texts("a component")
      case "arch": architecture = try text()
      case "image-registry": imageRegistry = try text()
      case "keyring":
        let folder = FileTree.parent(of: path)
        // A path in a file is as seen from that file.
        keyrings = try texts("a file's path").map {
          $0.hasPrefix("/") || folder.isEmpty || folder == "." ? $0 : "\(folder)/\($0)"
        }
      default:
        throw fault(
          setting.line, "unknown setting \(setting.name.quoted)",
          "expected mirror, suite, component, arch, image-registry or keyring")
      }
    }
  }
}
