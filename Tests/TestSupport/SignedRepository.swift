import Basics
import Formats
import Glibc
import Kits
import Machines
import Modules
package import Packages

/// A Debian repository with one kernel package, signed by a key that was made for it.
package struct SignedRepository: Sendable {
  /// What its Release file says.
  package struct Fields: Sendable {
    package var suite = "test"
    package var codename = "test"
    package var origin = "Test"
    /// Whether it says suite and codename.
    package var hasNames = true
    package var components = "main"
    /// Seconds since 1970.
    package var date: Int
    package var validUntil: Int?
    package var hashes = ["SHA256": "sha256sum"]

    package init(date: Int) {
      self.date = date
    }
  }

  package static let package = "linux-image-6.1.0-1-x"
  package let folder: TemporaryFolder
  /// Seconds since 1970, when it was made.
  package let now: Int = time(nil)
  package var root: String { folder("repository") }
  package var suiteFolder: String { "\(root)/dists/test" }
  package var keyring: String { folder("keyring.gpg") }

  /// Makes keys, package, index and a signed list.
  package init() async throws {
    folder = try TemporaryFolder()
    try await Tool.shell(
      """
      mkdir -m 700 gpg other
      for home in gpg other; do
        gpg --homedir $home --batch --quiet --passphrase '' --quick-gen-key "$home <x@example.invalid>" rsa2048 sign never 2>/dev/null
      done
      gpg --homedir gpg --export >keyring.gpg
      mkdir -p p/DEBIAN p/boot p/lib/modules/6.1.0-1-x/kernel repository/pool
      printf 'Package: \(Self.package)\\nVersion: 1.0+b1\\nArchitecture: amd64\\nMaintainer: x <x@x>\\nDescription: x\\n' >p/DEBIAN/control
      echo kernel >p/boot/vmlinuz-6.1.0-1-x; echo x >p/lib/modules/6.1.0-1-x/kernel/x.ko
      dpkg-deb --root-owner-group -b p "repository/pool/kernel+b1.deb" >/dev/null
      """, in: folder.path)
    try await writeIndex()
    try await writeRelease(Fields(date: now - 3600))
    try await sign()
  }

  /// Writes the index of the package.
  /// - Parameter extra: fields that replace those of the package.
  package func writeIndex(extra: [String: String] = [:]) async throws {
    let size = try await Tool.shell("stat -c %s pool/kernel+b1.deb", in: root)
    let sha256 = try await Tool.shell("sha256sum <pool/kernel+b1.deb", in: root)
    var fields = [
      "Package": Self.package, "Version": "1.0+b1", "Architecture": "amd64",
      "Filename": "pool/kernel+b1.deb", "Size": size.filter(\.isNumber),
      "SHA256": String(sha256.prefix(64)), "Maintainer": "x <x@x>", "Description": "x",
    ]
    fields.merge(extra) { $1 }
    let path = "repository/dists/test/main/binary-amd64/Packages"
    let name = fields.removeValue(forKey: "Package") ?? ""
    let rest = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\n" }.joined()
    try folder.write(path, "Package: \(name)\n\(rest)".utf8)
    try await Tool.shell("xz -kf Packages", in: "\(suiteFolder)/main/binary-amd64")
  }

  /// Writes the list of indexes, unsigned.
  package func writeRelease(_ fields: Fields) async throws {
    func date(_ seconds: Int) async throws -> String {
      try await Tool.shell(
        "LC_ALL=C date -u -d @\(seconds) '+%a, %d %b %Y %H:%M:%S UTC'", in: "/"
      ).filter { !$0.isNewline }
    }
    let names = fields.hasNames ? "\nSuite: \(fields.suite)\nCodename: \(fields.codename)" : ""
    var text = """
      Origin: \(fields.origin)\(names)
      Date: \(try await date(fields.date))
      Architectures: amd64
      Components: \(fields.components)

      """
    if let until = fields.validUntil { text += "Valid-Until: \(try await date(until))\n" }
    for (name, tool) in fields.hashes.sorted(by: { $0.key < $1.key }) {
      text += "\(name):\n"
      text += try await Tool.shell(
        """
        for f in */binary-amd64/Packages*; do
          printf ' %s %s %s\\n' "$(\(tool) <$f | cut -d' ' -f1)" "$(stat -c %s $f)" $f
        done
        """, in: suiteFolder)
    }
    try folder.write("repository/dists/test/Release", text.utf8)
  }

  /// Signs the list.
  package func sign(home: String = "gpg", digest: String = "SHA512") async throws {
    try await Tool.shell(
      """
      gpg --homedir \(folder(home)) --batch --quiet --yes --digest-algo \(digest) --clearsign -o InRelease Release
      """, in: suiteFolder)
  }

  /// - Parameter isForbidding: answer with 403 for what is not there, as S3 does.
  package func environment(cache: String, isForbidding: Bool = false) -> TestEnvironment {
    var environment = TestEnvironment.testing(cache: cache, now: now)
    let root = root
    environment.network.get = { request, receive in
      let url = request.url
      let path = url.replacing("http://m.invalid", with: root).replacing("%2B", with: "+")
      guard FileTree.status(path)?.kind == .file else {
        guard isForbidding else {
          throw KitError(.missing, "\(url): the server has no such file")
        }
        var error = KitError(.invalid, "\(url): the server answered with status 403")
        error.isForbidden = true
        throw error
      }
      try receive(try InputFile(path).readAll(limit: 1 << 24), 0)
    }
    return environment
  }

  package func repository(
    cache: String, at: Int? = nil, tool: SignatureTool? = nil
  ) -> DebianRepository {
    var environment = environment(cache: cache)
    environment.signatureTool = tool
    return DebianRepository(
      suites: [DebianSuite(mirror: "http://m.invalid", suite: "test")],
      keyrings: [.file(keyring)], at: at, environment: environment)
  }

  /// What apt makes of it: whether it takes the lists and the package.
  /// - Parameters:
  ///   - signedBy: what the source says of its keys; nil for nothing.
  ///   - trusted: a folder of keys for sources that say nothing.
  package func isTakenByApt(
    signedBy: String?, trusted: String = "/dev/null"
  ) async throws -> Bool {
    let option = signedBy.map { "signed-by=\($0) " } ?? ""
    return try await isTakenByApt(
      source: "deb [\(option)arch=amd64] file:\(root) test main\n", trusted: trusted)
  }

  /// - Parameter source: a line of sources.list.
  package func isTakenByApt(
    source: String, trusted: String = "/dev/null"
  ) async throws -> Bool {
    let state = try TemporaryFolder()
    try state.write("sources.list", source.utf8)
    let result = try await Tool.run(
      "sh",
      [
        "-euc",
        """
        mkdir -p state/lists/partial cache/archives/partial etc
        : >status
        run() {
          apt-get -qq -o Dir="$PWD" -o Dir::State="$PWD/state" -o Dir::State::status="$PWD/status" \
            -o Dir::Cache="$PWD/cache" -o Dir::Etc="$PWD/etc" -o Dir::Etc::sourceparts=- \
            -o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::trusted=/dev/null \
            -o Dir::Etc::trustedparts=\(trusted) -o Dir::Bin::methods=/usr/lib/apt/methods \
            -o APT::Architecture=amd64 -o APT::Sandbox::User= -o APT::Update::Error-Mode=any \
            -o Acquire::Check-Valid-Until=true -o Acquire::Check-Date=true "$@"
        }
        run update
        run download \(Self.package)
        """,
      ], in: state.path)
    return result.status == 0
  }

  /// Whether apt takes it with its own keyring.
  package func isTakenByApt() async throws -> Bool { try await isTakenByApt(signedBy: keyring) }
}
