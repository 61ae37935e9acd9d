internal import Formats

/// The machine that an image is for. OCI Image Format Specification, "Image Index", `platform`.
struct ImagePlatform: Decodable, Sendable, Hashable, CustomStringConvertible {
  var architecture = ""
  var os = ""
  var variant: String?

  init(architecture: String, os: String, variant: String?) {
    self.architecture = architecture
    self.os = os
    self.variant = variant
  }

  init(_ configuration: ImageConfiguration) {
    self.init(
      architecture: configuration.architecture, os: configuration.system,
      variant: configuration.variant)
  }

  private enum CodingKeys: CodingKey { case architecture, os, variant }

  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    architecture = try values.decodeIfPresent(String.self, forKey: .architecture) ?? ""
    os = try values.decodeIfPresent(String.self, forKey: .os) ?? ""
    variant = try values.decodeIfPresent(String.self, forKey: .variant)
  }

  /// `linux/arm64/v8`.
  var description: String {
    ([os, architecture] + [variant ?? ""]).filter { !$0.isEmpty }.joined(separator: "/")
  }

  /// Whether this is an image at all: attestations have the platform `unknown/unknown`.
  var isKnown: Bool { os != "unknown" && architecture != "unknown" }

  /// Returns how well an image suits machines of an architecture: 0 best, nil not at all. A variant that says nothing
  /// more than the architecture is as good as none; older ones run, newer ones may not. OCI Image Format
  /// Specification, "Platform Variants".
  func rank(for wanted: Architecture) -> Int? {
    guard os.isEmpty || os == "linux" else { return nil }
    guard architecture == wanted.oci || Self.aliases[architecture] == wanted.oci else { return nil }
    guard let variant, !variant.isEmpty else { return 0 }
    let known: [String] =
      switch wanted {
      case .amd64: ["v1", "v2", "v3", "v4"]
      case .arm64: ["v8"]
      case .armhf: ["v7", "v6", "v5"]
      default: [variant]
      }
    return known.firstIndex(of: variant) ?? known.count
  }

  /// Names that are not Go's, which some tools write.
  private static let aliases = ["x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64"]
}
