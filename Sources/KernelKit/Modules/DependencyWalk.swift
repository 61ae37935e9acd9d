/// Collects what modules need, reusing its memory from one to the next.
struct DependencyWalk {
  private let modules: [ModuleIndex.Module]
  private var seenBy: [Int]
  private var turn = 0
  /// How many dependencies were looked at: hostile modules can make that grow with the cube of
  /// their number.
  private(set) var steps = 0

  init(_ modules: [ModuleIndex.Module]) {
    self.modules = modules
    seenBy = [Int](repeating: 0, count: modules.count)
  }

  /// Positions, the module to be loaded last first.
  mutating func closure(of position: Int) -> [Int] {
    turn += 1
    var closure: [Int] = []
    var next = 0
    var current = position
    seenBy[position] = turn
    while true {
      steps += modules[current].dependencies.count
      for dependency in modules[current].dependencies where seenBy[dependency] != turn {
        seenBy[dependency] = turn
        closure.append(dependency)
      }
      guard next < closure.count else { break }
      current = closure[next]
      next += 1
    }
    return closure.sorted { modules[$0].depth < modules[$1].depth }
  }
}
