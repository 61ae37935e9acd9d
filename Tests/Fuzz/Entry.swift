import CLibFuzzer
import DecoderChecks
import Glibc

/// `fuzz DECODER [libFuzzer's arguments]`; without any, the decoders' names.
@main struct Fuzz {
  static func main() {
    let name = CommandLine.arguments.dropFirst().first ?? ""
    guard let chosen = DecoderCheck.all.first(where: { $0.name == name }) else {
      DecoderCheck.all.forEach { print($0.name) }
      exit(name.isEmpty ? 0 : 2)
    }
    unsafe check = chosen
    // libFuzzer takes the rest, with the decoder's name for the program's.
    var count = CommandLine.argc - 1
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? =
      unsafe CommandLine.unsafeArgv + 1
    exit(unsafe LLVMFuzzerRunDriver(&count, &arguments, testOneInput))
  }
}

/// libFuzzer's callback has no place for it.
nonisolated(unsafe) private var check = DecoderCheck.all[0]

private func testOneInput(_ bytes: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  do {
    try unsafe check.run(Array(UnsafeBufferPointer(start: bytes, count: count)))
  } catch {
    fatalError("not so: \(error.promise)")
  }
  return 0
}
