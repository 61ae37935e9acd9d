extension MachineDisk {
  /// What `-drive` takes.
  func driveArgument(id: String, _ bus: Bus) -> String {
    // What stands before a colon is a protocol to QEMU. In its option lists a comma is written twice.
    let isRelative = path.first != "/"
    let file = (isRelative && path.contains(":") ? "./" : "") + path.replacing(",", with: ",,")
    var argument = "file=\(file),if=none,id=\(id),format=\(format.rawValue)"
    if access == .unchanged {
      // ATA disks can't be read-only: what is written to them goes to a temporary file instead.
      argument += bus == .ide || bus == .ahci ? ",snapshot=on" : ",readonly=on"
    }
    if access == .snapshot { argument += ",snapshot=on" }
    return argument
  }
}
