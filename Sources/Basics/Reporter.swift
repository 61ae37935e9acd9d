package import Logging

/// Tells a user how far a job is, and what to know of its results.
package struct Reporter: Sendable {
  /// Takes warnings and notices.
  package var log: Logger
  /// Shows how far the job is.
  package var progress: Progress

  /// Makes a reporter.
  package init(log: Logger, progress: Progress = .none) {
    self.log = log
    self.progress = progress
  }
}

/// Shows how far a job is.
package struct Progress: Sendable {
  /// Shows that a stage begins or goes on: its name, bytes so far, and of how many, where that is known.
  package var report: @Sendable (_ stage: String, _ bytes: Int, _ of: Int?) -> Void
  /// Removes what was shown: the job is over.
  package var end: @Sendable () -> Void

  package init(
    report: @escaping @Sendable (_ stage: String, _ bytes: Int, _ of: Int?) -> Void,
    end: @escaping @Sendable () -> Void
  ) {
    self.report = report
    self.end = end
  }

  /// Shows nothing.
  package static let none = Progress(report: { _, _, _ in }, end: {})
}
