/// The program's version, as `--version` shows it and manifests keep it.
public enum ProgramVersion {
  public static let current = "0.1.0"
}
