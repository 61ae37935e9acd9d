import Formats

/// Makes kernel modules as small as they can be, of either class and byte order, whole or not.
package struct ELFModuleBuilder {
  package var is64Bit: Bool
  package var isLittleEndian: Bool
  package var machine: UInt16
  package var information: [String]
  /// Gets `__crc_` before each.
  package var exports: [String]
  package var needs: [String]
  /// Types of the needed symbols, where they are not plain.
  package var types: [String: UInt8] = [:]
  package var versions: [String]
  package var exportStrings: [String] = []
  /// Content of sections, in place of what follows from the above.
  package var replaced: [String: [UInt8]]

  package init(
    is64Bit: Bool = true, isLittleEndian: Bool = true, machine: UInt16 = 62,
    information: [String] = [], exports: [String] = [], needs: [String] = [],
    versions: [String] = [], replaced: [String: [UInt8]] = [:]
  ) {
    self.is64Bit = is64Bit
    self.isLittleEndian = isLittleEndian
    self.machine = machine
    self.information = information
    self.exports = exports
    self.needs = needs
    self.versions = versions
    self.replaced = replaced
  }

  package func bytes() -> [UInt8] {
    var sections = [(".text", [UInt8](repeating: 0x90, count: 16))]
    sections.append((".modinfo", information.flatMap { Array($0.utf8) + [0] }))
    let (table, names) = symbols()
    sections.append((".symtab", table))
    sections.append((".strtab", names))
    if !versions.isEmpty { sections.append(("__versions", versions.flatMap(version))) }
    if !exportStrings.isEmpty {
      sections.append(("__ksymtab_strings", exportStrings.flatMap { Array($0.utf8) + [0] }))
    }
    sections = sections.map { ($0, replaced[$0] ?? $1) }
    for (name, content) in replaced.sorted(by: { $0.key < $1.key })
    where !sections.contains(where: { $0.0 == name }) {
      sections.append((name, content))
    }
    return file(sections)
  }

  private func put(_ writer: inout ByteWriter, _ value: Int, _ width: Int) {
    switch (width, isLittleEndian) {
    case (2, true): writer.littleEndian(UInt16(truncatingIfNeeded: value))
    case (2, false): writer.bigEndian(UInt16(truncatingIfNeeded: value))
    case (4, true): writer.littleEndian(UInt32(truncatingIfNeeded: value))
    case (4, false): writer.bigEndian(UInt32(truncatingIfNeeded: value))
    case (_, true): writer.littleEndian(UInt64(truncatingIfNeeded: value))
    case (_, false): writer.bigEndian(UInt64(truncatingIfNeeded: value))
    }
  }

  private func version(_ name: String) -> [UInt8] {
    var writer = ByteWriter()
    put(&writer, 1, is64Bit ? 8 : 4)
    writer.append(name.utf8)
    writer.zeros(64 - writer.count)
    return writer.bytes
  }

  private func symbols() -> ([UInt8], [UInt8]) {
    var table = ByteWriter()
    var names: [UInt8] = [0]
    func add(_ name: Int, _ info: UInt8, _ section: Int) {
      put(&table, name, 4)
      if is64Bit {
        table.byte(info)
        table.byte(0)
        put(&table, section, 2)
        table.zeros(16)
      } else {
        table.zeros(8)
        table.byte(info)
        table.byte(0)
        put(&table, section, 2)
      }
    }
    add(0, 0, 0)
    for name in exports {
      add(names.count, 0x10, 0xfff1)
      names += Array("__crc_\(name)".utf8) + [0]
    }
    for name in needs {
      add(names.count, types[name] ?? 0x10, 0)
      names += Array(name.utf8) + [0]
    }
    return (table.bytes, names)
  }

  private func file(_ sections: [(String, [UInt8])]) -> [UInt8] {
    var names: [UInt8] = [0]
    var body = ByteWriter()
    let headerSize = is64Bit ? 64 : 52
    var table: [(name: Int, offset: Int, size: Int)] = []
    for (name, content) in sections {
      body.pad(to: 8)
      table.append((names.count, headerSize + body.count, content.count))
      names += Array(name.utf8) + [0]
      body.append(content)
    }
    let ownName = names.count
    names += Array(".shstrtab".utf8) + [0]
    table.append((ownName, headerSize + body.count, names.count))
    body.append(names)
    let address = is64Bit ? 8 : 4
    var file = ByteWriter()
    file.append([0x7f, 0x45, 0x4c, 0x46, is64Bit ? 2 : 1, isLittleEndian ? 1 : 2, 1])
    file.zeros(9)
    put(&file, 1, 2)
    put(&file, Int(machine), 2)
    put(&file, 1, 4)
    put(&file, 0, address)
    put(&file, 0, address)
    put(&file, headerSize + body.count, address)
    put(&file, 0, 4)
    for value in [headerSize, 0, 0, is64Bit ? 64 : 40, table.count + 1, table.count] {
      put(&file, value, 2)
    }
    file.append(body.bytes)
    file.zeros(is64Bit ? 64 : 40)
    for section in table {
      put(&file, section.name, 4)
      put(&file, 1, 4)
      put(&file, 0, address)
      put(&file, 0, address)
      put(&file, section.offset, address)
      put(&file, section.size, address)
      put(&file, 0, 4)
      put(&file, 0, 4)
      put(&file, 1, address)
      put(&file, 0, address)
    }
    return file.bytes
  }
}
