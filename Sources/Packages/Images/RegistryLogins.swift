internal import Basics
internal import FoundationEssentials
internal import Formats
internal import Glibc

/// The logins that `docker login`, `podman login` and `skopeo login` keep. Docker, "config.json"; containers-auth.json(5).
struct RegistryLogins {
  private static let sizeLimit = 1 << 20

  private struct File: Decodable {
    struct Login: Decodable { var auth: String? }
    var auths: [String: Login]?
    var credHelpers: [String: String]?
    var credsStore: String?
  }

  private struct Secret: Decodable {
    var username: String
    var secret: String
    enum CodingKeys: String, CodingKey {
      case username = "Username"
      case secret = "Secret"
    }
  }

  private let paths: [String]

  /// - Parameter variables: `REGISTRY_AUTH_FILE`, `DOCKER_CONFIG`, `XDG_RUNTIME_DIR`, `HOME`.
  init(variables: [String: String]) {
    var paths: [String] = []
    func add(_ name: String, _ rest: String) {
      if let folder = variables[name], !folder.isEmpty { paths.append(folder + rest) }
    }
    add("REGISTRY_AUTH_FILE", "")
    add("XDG_RUNTIME_DIR", "/containers/auth.json")
    add("DOCKER_CONFIG", "/config.json")
    add("HOME", "/.docker/config.json")
    self.paths = paths
  }

  /// Returns `USER:PASSWORD` in Base64 for a registry; nil where nobody logged in to it.
  /// - Throws: `KitError.invalid` for a file that can't be read, and a helper that fails.
  func login(for host: String) throws -> String? {
    for path in paths where FileTree.status(path, followingLink: true)?.kind == .file {
      let bytes = try InputFile(path).readAll(limit: Self.sizeLimit)
      let file: File = try ImageJSON.decode(bytes, name: path)
      if let helper = file.credHelpers?[host] { return try ask(helper, host, path) }
      for key in [host, "https://\(host)", "https://\(host)/v1/", "https://\(host)/v2/"] {
        if let login = file.auths?[key]?.auth, !login.isEmpty { return login }
      }
      if let helper = file.credsStore, let found = try ask(helper, host, path) { return found }
    }
    return nil
  }

  /// Asks a program `docker-credential-NAME`. docker-credential-helpers, "Development".
  /// - Returns: nil where it has no login.
  private func ask(_ helper: String, _ host: String, _ path: String) throws -> String? {
    guard !helper.isEmpty,
      helper.utf8.allSatisfy({ isalnum(Int32($0)) != 0 || $0 == 0x2d || $0 == 0x5f })
    else { throw KitError(.invalid, "\(path): \(helper.quoted) is no name of a credential helper") }
    let command = "printf %s \(host.shellQuoted) | docker-credential-\(helper) get 2>/dev/null"
    guard let pipe = unsafe popen(command, "re") else {
      throw KitError(.invalid, "docker-credential-\(helper): can't be run")
    }
    var output: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while output.count < Self.sizeLimit {
      let count = unsafe fread(&piece, 1, piece.count, pipe)
      if count == 0 { break }
      output += piece.prefix(count)
    }
    let status = unsafe pclose(pipe)
    if status >> 8 & 0xff == 127 {
      throw KitError(
        .invalid, "docker-credential-\(helper): is not installed, and \(path) names it",
        advice: "install it, or remove it from that file")
    }
    guard status == 0, let secret = try? JSON.decode(Secret.self, from: output) else { return nil }
    return Data("\(secret.username):\(secret.secret)".utf8).base64EncodedString()
  }
}
