#if !hasFeature(Embedded)
  import Formats
#endif

/// Gives network cards the names eth0, eth1 and so on in the order of their addresses. Their drivers are
/// loaded side by side, and the kernel names the cards as probing happens to end.
enum NetworkOrder {
  private static let cards = [UInt8]("/sys/class/net")

  /// - Parameter socket: any.
  static func apply(_ socket: Int32) {
    let names = DiskOrder.sorted(in: cards).filter { name in
      name.startsWithText("eth") && Array(name[3...]).number != nil
        && System.exists(cards + "/" + name + "/device")
    }
    let wanted = names.sorted { (Array($0[3...]).number ?? 0) < (Array($1[3...]).number ?? 0) }
    let moved = names.indices.filter { names[$0] != wanted[$0] }
    // Names are taken until all have gone to others. A card that is up keeps its name.
    var done: [Int] = []
    for index in moved {
      guard System.renameCard(socket, names[index], temporary(index)) else {
        for index in done { _ = System.renameCard(socket, temporary(index), names[index]) }
        return
      }
      done.append(index)
    }
    for index in moved { _ = System.renameCard(socket, temporary(index), wanted[index]) }
  }

  private static func temporary(_ index: Int) -> [UInt8] {
    "minivm" + [UInt8](decimal: index)
  }
}
