internal import Basics
internal import Synchronization

/// Who we are for a registry: a token that it gave us, or a login. Distribution, "Token Authentication Specification";
/// RFC 6750; RFC 7617.
final class RegistryAuthorization: Sendable {
  private static let tokenLimit = 1 << 20

  private struct Token: Decodable {
    var token: String?
    var accessToken: String?
    enum CodingKeys: String, CodingKey {
      case token
      case accessToken = "access_token"
    }
  }

  private let host: String
  private let scope: String
  private let logins: RegistryLogins
  /// Asks for tokens.
  private let network: Network
  private let authorities: String?
  private let mayBePlain: @Sendable (_ url: String) -> Bool
  private let known = Mutex<String?>(nil)
  /// Held while one is asked for, so that several downloads ask once.
  private let renewal = Mutex(())

  /// - Parameters:
  ///   - repository: what is to be pulled.
  ///   - mayBePlain: whether an address may be asked without TLS.
  init(
    host: String, repository: String, logins: RegistryLogins, network: Network,
    authorities: String?, mayBePlain: @escaping @Sendable (_ url: String) -> Bool
  ) {
    self.host = host
    scope = "repository:\(repository):pull"
    (self.logins, self.network, self.authorities) = (logins, network, authorities)
    self.mayBePlain = mayBePlain
  }

  /// Returns a network whose requests below an address carry the authorization. One that the server refuses is asked for
  /// anew, once: tokens expire.
  func network(below address: String) -> Network {
    var network = network
    network.get = { [self, get = network.get] request, receive in
      var request = request
      request.authorities = authorities
      guard request.url.hasPrefix(address) else { return try get(request, receive) }
      request.authorization = known.withLock { $0 }
      do {
        try get(request, receive)
      } catch let refusal as Unauthorized {
        request.authorization = try authorization(for: refusal, after: request.authorization)
        do {
          try get(request, receive)
        } catch let refusal as Unauthorized {
          throw self.refusal(refusal.url)
        }
      }
    }
    return network
  }

  private func refusal(_ url: String) -> KitError {
    KitError(
      .invalid, "\(url): the registry refuses the login (status 401)",
      advice: "check the image's name, and log in with docker login \(host) or skopeo login \(host)"
    )
  }

  /// - Parameter used: what the server did not take.
  private func authorization(for refusal: Unauthorized, after used: String?) throws -> String {
    try renewal.withLock { _ in
      // Another thread may have got one meanwhile.
      if let current = known.withLock({ $0 }), current != used { return current }
      let value = try newAuthorization(for: refusal)
      known.withLock { $0 = value }
      return value
    }
  }

  private func newAuthorization(for refusal: Unauthorized) throws -> String {
    let login = try logins.login(for: host)
    for line in refusal.challenge.split(separator: "\n") {
      guard let challenge = RegistryChallenge(String(line)) else { continue }
      switch challenge.scheme {
      case "bearer": return "Bearer \(try token(challenge, login, refusal.url))"
      case "basic":
        guard let login else { throw self.refusal(refusal.url) }
        return "Basic \(login)"
      default: continue
      }
    }
    throw self.refusal(refusal.url)
  }

  private func token(
    _ challenge: RegistryChallenge, _ login: String?, _ url: String
  ) throws -> String {
    guard let realm = challenge.parameters["realm"],
      realm.hasPrefix("https://") || mayBePlain(realm)
    else {
      throw KitError(
        .invalid,
        "\(url): wants a token from \(challenge.parameters["realm"] ?? "nowhere"), which is not https"
      )
    }
    var query = ["scope=\(Self.escaped(scope))"]
    if let service = challenge.parameters["service"] {
      query.insert("service=\(Self.escaped(service))", at: 0)
    }
    var network = network
    network.get = { [self, get = network.get] request, receive in
      var request = request
      request.authorities = authorities
      request.authorization = login.map { "Basic \($0)" }
      do {
        try get(request, receive)
      } catch let refusal as Unauthorized {
        throw self.refusal(refusal.url)
      }
    }
    let address = realm + (realm.contains("?") ? "&" : "?") + query.joined(separator: "&")
    let bytes = try network.download(address, limit: Self.tokenLimit)
    let answer: Token = try ImageJSON.decode(bytes, name: realm)
    guard let token = answer.token ?? answer.accessToken, !token.isEmpty else {
      throw KitError(.invalid, "\(realm): sent no token")
    }
    return token
  }

  /// RFC 3986, 2.1.
  private static func escaped(_ text: String) -> String {
    text.utf8.map { byte in
      let isPlain =
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
        || "-._~:/".utf8.contains(byte)
      let digits = String(byte, radix: 16, uppercase: true)
      return isPlain
        ? String(UnicodeScalar(byte)) : "%" + (digits.utf8.count < 2 ? "0" : "") + digits
    }.joined()
  }
}

/// One challenge: `Bearer realm="https://…",service="…"`. RFC 9110, 11.6.1.
struct RegistryChallenge: Hashable {
  /// In small letters.
  var scheme: String
  /// By names in small letters.
  var parameters: [String: String] = [:]

  /// - Returns: nil for a line without a scheme.
  init?(_ line: String) {
    var rest = line.drop { $0 == " " }
    let scheme = rest.prefix { $0 != " " }
    guard !scheme.isEmpty else { return nil }
    self.scheme = scheme.lowercased()
    rest = rest.dropFirst(scheme.count)
    while true {
      rest = rest.drop { $0 == " " || $0 == "," || $0 == "\t" }
      let name = rest.prefix { $0 != "=" && $0 != "," }
      guard !name.isEmpty, parameters.count < 100 else { return }
      rest = rest.dropFirst(name.count).dropFirst()
      var value = ""
      if rest.first == "\"" {
        rest = rest.dropFirst()
        while let character = rest.popFirst(), character != "\"" {
          value.append(character == "\\" ? rest.popFirst() ?? "\\" : character)
        }
      } else {
        let word = rest.prefix { $0 != "," && $0 != " " }
        value = String(word)
        rest = rest.dropFirst(word.count)
      }
      parameters[name.lowercased()] = value
    }
  }
}
