internal import Formats

/// The order in which kmod goes through modules: as modules.order has them, then by hash of the name.
struct ModuleOrder {
  private var lines = ByteStringMap()
  /// Why modules.order does not count, if it doesn't.
  private(set) var warning: String?

  init(_ order: [UInt8]?) {
    guard let order else {
      warning = "modules.order: there is none"
      return
    }
    guard order.last == UInt8(ascii: "\n") || order.isEmpty else {
      warning = "modules.order: the last line does not end"
      return
    }
    // Of lines that stand there twice the last one counts.
    for (number, line) in order.split(separator: UInt8(ascii: "\n")).enumerated() {
      lines.set(line, number)
    }
  }

  /// Whether modules.order has a module: one that was put there later it has not.
  func lists(_ path: String) -> Bool {
    lines[ModuleName.orderPath(path)] != nil
  }

  func sorted(_ modules: [ModuleIndex.Module]) -> [ModuleIndex.Module] {
    let keyed = modules.enumerated().map { position, module in
      (
        line: lines[ModuleName.orderPath(module.path)] ?? Int.max,
        bucket: ModuleName.hash(Array(module.name.utf8)[...]) % 512, position: position
      )
    }
    return keyed.sorted { left, right in
      if left.line != right.line { return left.line < right.line }
      if left.bucket != right.bucket { return left.bucket < right.bucket }
      return modules[left.position].name.isBefore(modules[right.position].name)
    }.map { modules[$0.position] }
  }
}
