internal import Basics
internal import Formats

/// Public keys that packages and indexes of Alpine are checked with: files in folders, named as the
/// signatures name them. apk-keys(5).
package struct AlpineKeys: PackageKeys {
  /// How a signature is made. Its name is the start of the signature file's name.
  private enum Method: String, CaseIterable {
    // The strongest first.
    case sha512 = ".SIGN.RSA512."
    case sha256 = ".SIGN.RSA256."
    case sha1 = ".SIGN.RSA."

    var hashFunction: LibCrypto.HashFunction {
      switch self {
      case .sha512: .sha512
      case .sha256: .sha256
      case .sha1: .sha1
      }
    }
  }

  /// A file of a signature member.
  struct Signature: Sendable {
    /// With the method and the key's name, as `.SIGN.RSA256.NAME`.
    var file: String
    var bytes: [UInt8]
  }

  private static let keyLimit = 1 << 16

  /// The first one with a key of a name is the one that counts.
  package let folders: [String]

  /// Trusts the keys in some folders; those that are not there count as empty.
  package init(folders: [String]) {
    self.folders = folders
  }

  /// The keys in a folder.
  /// - Throws: `KitError.missing` when there is no such folder.
  package init(folder: String) throws {
    guard FileTree.isDirectory(folder) else {
      throw KitError(
        .missing, "\(folder): no such folder of keys",
        advice: "give a folder of Alpine's public keys with --keys")
    }
    folders = [folder]
  }

  /// Where Alpine keeps its keys on this machine, if it is one.
  /// - Parameter architecture: Alpine's name of it.
  package static func system(architecture: String) -> AlpineKeys {
    AlpineKeys(
      folders: ["/etc/apk/keys", "/usr/share/apk/keys/\(architecture)", "/usr/share/apk/keys"])
  }

  /// Returns the name of the key that signed a package.
  /// - Throws: `KitError.unverified` for a package that none of the keys has signed, `.usage` for one that is not Alpine's.
  package func signer(of package: any PackageArchive) throws -> String {
    guard let package = package as? ApkArchive else {
      throw KitError(
        .usage, "\(package.path): --keys requires an Alpine package, and this is not one",
        advice: "omit --keys, or give an .apk")
    }
    return try package.verify(self)
  }

  /// Checks what was signed. Of several signatures the strongest with a known key has to be good: a
  /// weaker one beside a bad one proves nothing.
  /// - Parameter name: what was signed, for messages.
  /// - Returns: the key's name.
  /// - Throws: `KitError.unverified`.
  func verify(
    _ bytes: ArraySlice<UInt8>, _ signatures: [Signature], name: String
  ) throws -> String {
    var unknown: [String] = []
    for method in Method.allCases {
      for signature in signatures where signature.file.hasPrefix(method.rawValue) {
        let key = String(signature.file.dropFirst(method.rawValue.count))
        guard let path = path(of: key) else {
          if !unknown.contains(key.quoted) { unknown.append(key.quoted) }
          continue
        }
        guard try isGood(signature.bytes, of: bytes, method, key: path) else {
          throw KitError(
            .unverified,
            "\(name): bad signature by key \(key.quoted): the content was changed",
            advice: "try again, or use another mirror")
        }
        return key
      }
    }
    let places = folders.joined(separator: ", ")
    guard !unknown.isEmpty else {
      throw KitError(
        .unverified, "\(name): has no usable RSA signature",
        advice: "use one that Alpine signed")
    }
    throw KitError(
      .unverified,
      "\(name): is signed with \(unknown.joined(separator: ", ")), and no such key is in \(places)",
      advice: "give a folder of Alpine's public keys with --keys")
  }

  /// - Returns: nil when there is no key of that name; names that lead elsewhere have none.
  private func path(of key: String) -> String? {
    guard !key.isEmpty, key != ".", key != "..", !key.contains("/"), !key.utf8.contains(0),
      key.utf8.count <= ArchivePath.nameLimit
    else { return nil }
    return folders.map { "\($0)/\(key)" }
      .first { FileTree.status($0, followingLink: true)?.kind == .file }
  }

  /// RSASSA-PKCS1-v1_5. RFC 8017, 8.2.2.
  private func isGood(
    _ signature: [UInt8], of bytes: ArraySlice<UInt8>, _ method: Method, key path: String
  ) throws -> Bool {
    let text = try InputFile(path).readAll(limit: Self.keyLimit)
    guard let key = RSAPublicKey(pem: text) else {
      throw KitError(
        .invalid, "\(path): is not an RSA public key of 2048 bits or more, in PEM",
        advice: "replace it with Alpine's, or remove it")
    }
    return key.isValid(signature, of: bytes, hashedBy: method.hashFunction)
  }
}
