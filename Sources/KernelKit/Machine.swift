internal import Glibc

/// The machine that the program runs on.
public enum Machine {
  /// Cores that this process may use.
  public static var cores: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}

extension Machine {
  /// Debian's name of this machine's architecture.
  public static var debianArchitecture: String {
    #if arch(x86_64)
      "amd64"
    #elseif arch(arm64)
      "arm64"
    #elseif arch(riscv64)
      "riscv64"
    #else
      "unknown"
    #endif
  }
}
