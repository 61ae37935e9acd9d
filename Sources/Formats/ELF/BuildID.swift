/// The build ID of an ELF file: what its linker made of all that is in it, so that two programs with
/// the same one are the same.
///
/// System V ABI, "Note Section": name size, descriptor size and type of four bytes each, the name
/// `GNU`, the descriptor. Type 3 is NT_GNU_BUILD_ID.
package enum BuildID {
  /// What is in a build ID at most; linkers write 8 to 20 bytes.
  private static let sizeLimit = 64
  private static let headerSize = 16

  /// - Returns: its bytes; nil for a file that has none, or none that is whole.
  package static func read(_ file: some RandomAccessBytes) -> [UInt8]? {
    guard let elf = try? ELFFile(file),
      let place = elf.sections(named: [".note.gnu.build-id"])[0],
      (headerSize + 1...headerSize + sizeLimit).contains(place.count),
      let section = try? elf.section(place)
    else { return nil }
    let note = FieldReader(section, isLittleEndian: elf.isLittleEndian)
    let size = Int(note.value(at: 4, width: 4))
    guard note.value(at: 0, width: 4) == 4, note.value(at: 8, width: 4) == 3,
      section.dropFirst(12).starts(with: [0x47, 0x4e, 0x55, 0]),
      size > 0, size <= section.count - headerSize
    else { return nil }
    return Array(section.dropFirst(headerSize).prefix(size))
  }
}
