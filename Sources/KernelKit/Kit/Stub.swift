public struct TemplateProgram: Codable, Sendable, Hashable { static func read(in f: String) throws -> [TemplateProgram] { [] } }
public struct DefaultTemplate { public init(architecture: String, repository: DebianRepository, environment: KitEnvironment) {}
 public func folder() throws -> String { "" } }
extension ModuleList { public static let defaultModules = ModuleList([], name: "x"); public static let defaultAutoload = ModuleList([], name: "x") }
