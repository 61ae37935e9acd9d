internal import Formats

/// What depmod(8) `-e` looks for: symbols that modules need, and neither the kernel nor another module has, or has
/// with another checksum.
package struct SymbolCheck {
  /// The largest file with a kernel's symbols that is read, in bytes; Linux 6.1's System.map has 6 MB.
  package static let sizeLimit = 1 << 28

  /// What is wrong with lines of the file, which are passed over.
  package private(set) var warnings: [String] = []
  private var symbols: [[UInt8]: UInt64] = [:]
  private let comparesChecksums: Bool
  private let prefix: UInt8?

  /// - Parameters:
  ///   - systemMap: the bytes of a System.map: what the kernel exports has a symbol `__ksymtab_NAME` there. No
  ///     checksum is compared then.
  ///   - prefix: a character before symbols that is not part of their names.
  package init(systemMap: [UInt8], prefix: UInt8? = nil) {
    comparesChecksums = false
    self.prefix = prefix
    symbols[Array("__this_module".utf8)] = 0
    for line in systemMap.split(separator: 0x0a) {
      let words = line.split(separator: 0x20)
      guard words.count == 3, words[2].starts(with: "__ksymtab_".utf8) else { continue }
      symbols[Array(words[2].dropFirst(10))] = 0
    }
  }

  /// - Parameter moduleSymvers: the bytes of a Module.symvers: a line `CHECKSUM NAME vmlinux …` for what the kernel
  ///   exports.
  package init(moduleSymvers: [UInt8], prefix: UInt8? = nil) {
    comparesChecksums = true
    self.prefix = prefix
    symbols[Array("__this_module".utf8)] = 0
    for (number, line) in moduleSymvers.split(separator: 0x0a, omittingEmptySubsequences: false)
      .enumerated()
    {
      let words = line.split { $0 == 0x20 || $0 == 0x09 }
      guard words.count >= 3, words[2].elementsEqual("vmlinux".utf8) else { continue }
      var digits = String(decoding: words[0], as: UTF8.self)[...]
      if digits.hasPrefix("0x") || digits.hasPrefix("0X") { digits = digits.dropFirst(2) }
      guard let checksum = UInt64(digits, radix: 16) else {
        warnings.append(
          "line \(number + 1): \(String(decoding: words[0], as: UTF8.self).quoted) is no checksum")
        continue
      }
      symbols[plain(Array(words[1]))] = checksum
    }
  }

  /// Compares what modules need with what there is.
  /// - Parameter contents: gives a module's bytes, decompressed, by its path.
  /// - Returns: `kernel/a.ko needs unknown symbol NAME`, a line each, in the order of the index.
  /// - Throws: what `contents` throws.
  package func problems(
    of index: ModuleIndex, contents: (String) throws -> [UInt8]
  ) throws -> [String] {
    var symbols = symbols
    var needs: [(path: String, needs: [SymbolChecksums.Need])] = []
    for module in index.modules {
      // What can't be read has been warned of.
      guard let own = try? SymbolChecksums(reading: contents(module.path)) else { continue }
      for (name, checksum) in own.exports { symbols[plain(name)] = checksum }
      needs.append((module.path, own.needs.filter { !$0.isWeak }))
    }
    var lines: [String] = []
    for (path, needs) in needs {
      for need in needs {
        let name = String(decoding: need.name, as: UTF8.self)
        guard let checksum = symbols[plain(need.name)] else {
          lines.append("\(path) needs unknown symbol \(name)")
          continue
        }
        if comparesChecksums, checksum != need.checksum {
          lines.append("\(path) disagrees about version of symbol \(name)")
        }
      }
    }
    return lines
  }

  private func plain(_ name: [UInt8]) -> [UInt8] {
    prefix != nil && name.first == prefix ? Array(name.dropFirst()) : name
  }
}
