private import CYaml
internal import Formats

/// The settings of a YAML file that is one mapping of names to texts or lists of texts. YAML 1.1, which
/// libyaml reads.
package struct YAMLSettings {
  /// A name with its value, or its list of values.
  package struct Setting: Equatable {
    package var name: String
    package var values: [String]
    package var isList = false
    /// Whether it is something that is no text: a number, a mapping, nothing.
    package var isOther = false
    /// From 1.
    package var line: Int
  }

  /// Why a file can't be taken.
  package struct Fault: Error {
    /// From 1.
    package var line: Int
    /// What is wrong.
    package var message: String
  }

  private enum Event {
    case scalar(String, isText: Bool)
    case beginList, endList, beginMapping, endMapping
    /// A reference to another value.
    case alias
    case beginDocument
    case end
    case other
  }

  /// The settings, in the order of the text.
  package private(set) var settings: [Setting] = []

  /// Reads a document of settings. YAML 1.2.2, a mapping of words to scalars or lists of scalars.
  /// - Throws: `Fault` for another document.
  package init(reading bytes: [UInt8]) throws(Fault) {
    var events: [(event: Event, line: Int)] = []
    try Self.forEachEvent(bytes) { events.append(($0, $1)) }
    var left = events[...]
    guard let (first, line) = left.popFirst() else { return }
    if case .scalar("", false) = first, left.isEmpty { return }
    guard case .beginMapping = first else {
      throw Fault(line: line, message: "must have lines such as “suite: trixie”")
    }
    while let (event, line) = left.popFirst() {
      if case .endMapping = event { break }
      guard case .scalar(let name, _) = event else {
        throw Fault(line: line, message: "a setting's name must be a word")
      }
      guard !settings.contains(where: { $0.name == name }) else {
        throw Fault(line: line, message: "\(name.quoted) is set twice")
      }
      settings.append(Self.value(name, line, &left))
    }
  }

  /// Takes the events of one value.
  private static func value(
    _ name: String, _ line: Int, _ left: inout ArraySlice<(event: Event, line: Int)>
  ) -> Setting {
    var setting = Setting(name: name, values: [], line: line)
    var depth = 0
    repeat {
      guard let (event, _) = left.popFirst() else { break }
      switch event {
      case .scalar(let text, let isText):
        setting.values.append(text)
        if !isText { setting.isOther = true }
      case .beginList:
        if depth > 0 { setting.isOther = true }
        setting.isList = true
        depth += 1
      case .beginMapping:
        setting.isOther = true
        depth += 1
      case .endList, .endMapping: depth -= 1
      default: setting.isOther = true
      }
    } while depth > 0
    return setting
  }

  /// Hands on what is in the first document, with the lines that it stands in.
  private static func forEachEvent(
    _ bytes: [UInt8], _ receive: (Event, Int) -> Void
  ) throws(Fault) {
    // The parser keeps its own address: it must not move.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { unsafe parser.deallocate() }
    guard unsafe yaml_parser_initialize(parser) == 1 else {
      throw Fault(line: 1, message: "out of memory")
    }
    defer { unsafe yaml_parser_delete(parser) }
    let fault: Fault? = unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
      var documents = 0
      while true {
        var event = unsafe yaml_event_t()
        guard unsafe yaml_parser_parse(parser, &event) == 1 else {
          let problem = unsafe parser.pointee.problem.map { unsafe String(cString: $0) }
          return unsafe Fault(
            line: Int(clamping: parser.pointee.problem_mark.line) + 1,
            message: problem ?? "is not YAML")
        }
        defer { unsafe yaml_event_delete(&event) }
        let line = unsafe Int(clamping: event.start_mark.line) + 1
        switch unsafe Self.event(event) {
        case .end: return nil
        case .beginDocument:
          documents += 1
          if documents > 1 { return Fault(line: line, message: "has a second document") }
        case .other: break
        case let event: receive(event, line)
        }
      }
    }
    if let fault { throw fault }
  }

  private static func event(_ event: yaml_event_t) -> Event {
    switch unsafe event.type {
    case YAML_STREAM_END_EVENT, YAML_NO_EVENT: return .end
    case YAML_DOCUMENT_START_EVENT: return .beginDocument
    case YAML_SEQUENCE_START_EVENT: return .beginList
    case YAML_SEQUENCE_END_EVENT: return .endList
    case YAML_MAPPING_START_EVENT: return .beginMapping
    case YAML_MAPPING_END_EVENT: return .endMapping
    case YAML_ALIAS_EVENT: return .alias
    case YAML_SCALAR_EVENT:
      let scalar = unsafe event.data.scalar
      let bytes = unsafe UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      let text = unsafe String(decoding: bytes, as: UTF8.self)
      let isPlain = unsafe scalar.style == YAML_PLAIN_SCALAR_STYLE
      return .scalar(text, isText: !isPlain || isText(text))
    default: return .other
    }
  }

  /// Whether a word without quotes is text, and not nothing, a truth or a number. YAML 1.1, types.
  private static func isText(_ word: String) -> Bool {
    let others = ["", "~", "null", "true", "false", "yes", "no", "on", "off"]
    return !others.contains(word.lowercased()) && Double(word) == nil
  }
}
