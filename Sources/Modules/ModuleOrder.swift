internal import Formats

/// The order in which kmod goes through modules: as modules.order has them, then by hash of the name.
package struct ModuleOrder {
  private var lines = ByteStringMap()

  /// Reads modules.order; the order is by names alone where the file is nil or damaged.
  package init(_ order: [UInt8]?) {
    guard let order, Self.warning(of: order) == nil else { return }
    // Of lines that stand there twice the last one counts.
    for (number, line) in order.split(separator: UInt8(ascii: "\n")).enumerated() {
      lines.set(line, number)
    }
  }

  /// Returns why modules.order does not count, if it doesn't.
  package static func warning(of order: [UInt8]?) -> String? {
    guard let order else { return "modules.order: there is none" }
    guard order.last == UInt8(ascii: "\n") || order.isEmpty else {
      return "modules.order: the last line does not end"
    }
    return nil
  }

  /// Whether modules.order has a module: one that was put there later it has not.
  package func lists(_ path: String) -> Bool {
    lines[ModuleName.orderPath(path)] != nil
  }

  /// The positions of modules in this order.
  package func sortedPositions(of modules: [(path: String, name: String)]) -> [Int] {
    modules.enumerated().map { position, module in
      (
        line: lines[ModuleName.orderPath(module.path)] ?? Int.max,
        bucket: ModuleName.hash(Array(module.name.utf8)[...]) % 512, position: position
      )
    }.sorted { left, right in
      if left.line != right.line { return left.line < right.line }
      if left.bucket != right.bucket { return left.bucket < right.bucket }
      return modules[left.position].name.isBefore(modules[right.position].name)
    }.map(\.position)
  }
}
