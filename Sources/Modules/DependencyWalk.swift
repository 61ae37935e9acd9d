/// Collects what modules need, reusing its memory from one to the next.
package struct DependencyWalk {
  private let dependencies: [[Int]]
  private let depths: [Int]
  private var seenBy: [Int]
  private var turn = 0
  /// How many dependencies were looked at: hostile modules can make that grow with the cube of
  /// their number.
  private(set) var steps = 0

  /// Prepares walks over the dependencies of modules.
  package init(_ modules: [ModuleIndex.Module]) {
    dependencies = modules.map(\.dependencies)
    depths = modules.map(\.depth)
    seenBy = [Int](repeating: 0, count: modules.count)
  }

  /// Positions, the module to be loaded last first.
  package mutating func closure(of position: Int) -> [Int] {
    turn += 1
    var closure: [Int] = []
    var next = 0
    var current = position
    seenBy[position] = turn
    while true {
      steps += dependencies[current].count
      for dependency in dependencies[current] where seenBy[dependency] != turn {
        seenBy[dependency] = turn
        closure.append(dependency)
      }
      guard next < closure.count else { break }
      current = closure[next]
      next += 1
    }
    return closure.sorted { depths[$0] < depths[$1] }
  }
}
