/// The program's version, as `--version` shows it and manifests keep it.
package enum ProgramVersion {
  /// The version that `--version` and manifests state.
  package static let current = "0.1.0"
}
