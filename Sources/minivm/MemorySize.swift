import ArgumentParser

/// A guest's memory as users of QEMU write it.
enum MemorySize {
  /// Returns MiB for `512`, `512M` and `1G`.
  /// - Throws: `ValidationError` for what is no whole number of MiB.
  static func megabytes(_ text: String) throws -> Int {
    let lower = text.lowercased()
    let digits = lower.prefix { ("0"..."9").contains($0) }
    let factor: Int? =
      switch lower.dropFirst(digits.count) {
      case "", "m", "mb", "mib": 1
      case "g", "gb", "gib": 1024
      default: nil
      }
    guard let factor, let number = Int(digits), number < 1 << 40 else {
      throw ValidationError("--memory takes MiB, such as 512 or 1G, not \(text)")
    }
    return number * factor
  }
}
