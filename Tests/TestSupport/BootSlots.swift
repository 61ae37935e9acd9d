internal import Basics
internal import Kits
internal import Machines
internal import Modules
internal import Packages

/// Lets as many guests run at once as this machine has processors: with more, each of them gets slow.
package actor BootSlots {
  package static let shared = BootSlots(Machine.cores)

  private var free: Int
  private var waiting: [CheckedContinuation<Void, Never>] = []

  package init(_ count: Int) { free = count }

  /// Waits for a slot, and keeps it while `body` runs.
  package nonisolated func use<Result: Sendable>(
    _ body: @Sendable () async throws -> Result
  ) async rethrows -> Result {
    await take()
    do {
      let result = try await body()
      await giveBack()
      return result
    } catch {
      await giveBack()
      throw error
    }
  }

  private func take() async {
    if free > 0 {
      free -= 1
    } else {
      await withCheckedContinuation { waiting.append($0) }
    }
  }

  private func giveBack() {
    if waiting.isEmpty {
      free += 1
    } else {
      waiting.removeFirst().resume()
    }
  }
}
