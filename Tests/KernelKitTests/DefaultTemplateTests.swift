import TestSupport
import Testing

@testable import KernelKit

@Suite struct DefaultTemplateTests {
  @Test("What some keys vouched for is not taken for others', even in a file of the same name")
  func keys() throws {
    let folder = try TemporaryFolder()
    func name(_ keyrings: [String], _ origin: [String] = []) -> String {
      DefaultTemplate(
        architecture: "amd64", suite: "trixie", origin: origin, keyrings: keyrings,
        environment: .testing(cache: folder.path)
      ) { throw KitError(.invalid, "nothing is fetched") }.name
    }
    try folder.write("one", "a".utf8)
    try folder.write("same", "a".utf8)
    let before = name([folder("one")])
    #expect(name([]) == "trixie-amd64" && before != "trixie-amd64")
    #expect(name([folder("same")]) == before)
    #expect(name([folder("one")], ["http://m.invalid"]) != before)
    try folder.write("one", "b".utf8)
    #expect(name([folder("one")]) != before)
    #expect(name([folder("none")]) != name([folder("nowhere")]))
  }
}
