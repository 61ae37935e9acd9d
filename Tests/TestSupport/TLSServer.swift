import Formats
import Subprocess
import SystemPackage

/// Certificates that are made for a run, and openssl's HTTPS server with one of them.
package struct TLSServer: Sendable {
  /// What a server shows of itself.
  package enum Certificate: String, Sendable, CaseIterable {
    /// Of the authority, for 127.0.0.1.
    case good
    case expired
    /// Of the authority, for another name.
    case otherHost
    /// Of nobody but itself.
    case selfSigned
  }

  private let folder: TemporaryFolder

  /// The authority that a client has to trust.
  package var authority: String { folder("authority.pem") }

  package init() async throws {
    folder = try TemporaryFolder()
    try await Tool.shell(
      """
      new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
      openssl req -x509 $new -keyout authority.key -out authority.pem -days 2 -subj /CN=Authority
      # leaf NAME FOR DAYS
      leaf() {
        openssl req -new $new -keyout $1.key -out $1.csr -subj "/CN=$1" -addext "subjectAltName=$2"
        openssl x509 -req -in $1.csr -CA authority.pem -CAkey authority.key -CAcreateserial \\
          -copy_extensions copy -days $3 -out $1.pem
      }
      leaf good IP:127.0.0.1 1; leaf expired IP:127.0.0.1 -1; leaf otherHost DNS:other.invalid 1
      openssl req -x509 $new -keyout selfSigned.key -out selfSigned.pem -days 1 -subj /CN=me \\
        -addext subjectAltName=IP:127.0.0.1
      """, in: folder.path)
  }

  /// Serves whole answers, heads and bodies, while `body` runs.
  /// - Parameters:
  ///   - answers: by the paths that are asked for, from the slash on.
  ///   - body: gets the server's address.
  package func serving(
    _ answers: [String: [UInt8]], with certificate: Certificate = .good,
    _ body: @Sendable (_ address: String) async throws -> Void
  ) async throws {
    let root = try TemporaryFolder()
    for (path, answer) in answers { try root.write("answers\(path)", answer) }
    let name = folder(certificate.rawValue)
    let script = """
      exec openssl s_server -HTTP -accept 127.0.0.1:0 -cert \(name).pem -key \(name).key \
      >../log 2>&1
      """
    _ = try await Subprocess.run(
      .name("sh"), arguments: ["-c", script], workingDirectory: FilePath(root("answers")),
      input: .none, output: .discarded, error: .discarded
    ) { execution in
      defer { try? execution.send(signal: .kill) }
      try await body("https://127.0.0.1:\(Self.port(root("log")))")
    }
  }

  /// The port that the system chose, once the server says so.
  private static func port(_ log: String) async throws -> Int {
    for _ in 0..<600 {
      let text = String(
        decoding: (try? InputFile(log).readAll(limit: 1 << 20)) ?? [], as: UTF8.self)
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
      if let line = lines.first(where: { $0.hasPrefix("ACCEPT ") }),
        let port = line.split(separator: ":").last.flatMap({ Int($0) })
      {
        return port
      }
      try await Task.sleep(for: .milliseconds(50))
    }
    throw ToolFailure(description: "openssl s_server does not say where it listens")
  }
}
