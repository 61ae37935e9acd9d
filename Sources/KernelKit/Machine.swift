internal import Glibc

/// The machine that the program runs on.
public enum Machine {
  /// Cores that this process may use.
  public static var cores: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
