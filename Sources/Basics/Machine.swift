internal import CMiniVM
package import Formats
internal import Glibc

/// The machine that the program runs on.
package enum Machine {
  /// Cores that this process may use.
  package static var cores: Int { Int(minivm_usable_processors()) }

  /// What `uname -r` prints.
  package static var kernelRelease: String {
    var names = utsname()
    guard unsafe uname(&names) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: &names.release) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Seconds since 1970.
  package static var now: Int { time(nil) }

  /// Waits for some seconds.
  package static func pause(seconds: Int) {
    sleep(UInt32(clamping: seconds))
  }

  /// This machine's, as the program was built for it.
  package static var architecture: Architecture {
    #if arch(x86_64)
      .amd64
    #elseif arch(arm64)
      .arm64
    #elseif arch(riscv64)
      .riscv64
    #elseif arch(powerpc64le)
      .ppc64el
    #elseif arch(s390x)
      .s390x
    #elseif arch(arm)
      .armhf
    #else
      .i386
    #endif
  }

  /// Whether guests may run on the processor itself: it says so, and `/dev/kvm` may be used.
  package static var hasVirtualization: Bool {
    guard unsafe access("/dev/kvm", R_OK | W_OK) == 0 else { return false }
    #if arch(x86_64)
      return processorFlags.contains { $0 == "vmx" || $0 == "svm" }
    #else
      return true
    #endif
  }

  /// How fast the time stamp counter runs that QEMU's emulation shows to x86 guests, in kHz.
  package static var timeStampRate: Int { Int(minivm_time_stamp_rate()) }

  /// The user's own folder, as the system's list of users has it.
  package static var homeFolder: String {
    guard let user = unsafe getpwuid(getuid()), let folder = unsafe user.pointee.pw_dir else {
      return "/nonexistent"
    }
    return unsafe String(cString: folder)
  }

  /// The machine's own name.
  package static var hostname: String {
    var name = [CChar](repeating: 0, count: 256)
    guard unsafe gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// Sends SIGKILL to a process.
  package static func kill(_ process: Int32) {
    _ = Glibc.kill(process, SIGKILL)
  }

  /// Waits for some milliseconds.
  package static func wait(milliseconds: UInt32) {
    usleep(milliseconds * 1000)
  }

  private static var processorFlags: [Substring] {
    // /proc has no sizes: it is read until it ends.
    guard let file = unsafe fopen("/proc/cpuinfo", "r") else { return [] }
    defer { unsafe fclose(file) }
    var text = [UInt8](repeating: 0, count: 1 << 14)
    let count = unsafe fread(&text, 1, text.count, file)
    for line in String(decoding: text[..<count], as: UTF8.self).split(separator: "\n")
    where line.hasPrefix("flags") {
      return line.split(separator: " ")
    }
    return []
  }
}
