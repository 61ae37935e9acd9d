import CLibFuzzer
import Glibc

/// `fuzz DECODER [libFuzzer's arguments]`; without any, the decoders' names.
@main struct Fuzz {
  static func main() {
    let name = CommandLine.arguments.dropFirst().first ?? ""
    guard let chosen = FuzzTarget.all.first(where: { $0.name == name }) else {
      FuzzTarget.all.forEach { print($0.name) }
      exit(name.isEmpty ? 0 : 2)
    }
    target = chosen
    // libFuzzer takes the rest, with the decoder's name for the program's.
    var count = CommandLine.argc - 1
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
      unsafe CommandLine.unsafeArgv + 1
    exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, testOneInput))
  }
}

nonisolated(unsafe) private var target = FuzzTarget.all[0]

private func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = unsafe Array(UnsafeBufferPointer(start: bytes, count: count))
  // An error is an answer. What is looked for is a trap, a hang, or a result that breaks a promise.
  try? target.run(input)
  return 0
}
