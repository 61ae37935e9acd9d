import Formats
import Logging

/// Warnings and notices on stderr, a line each, as the program's errors are.
struct StandardErrorLog: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .warning

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    writeToStandardError("minivm: \(event.level): \(event.message)".visible)
  }
}
