import TestSupport
import Testing

@testable import Basics
@testable import Kits
@testable import Machines
@testable import Modules
@testable import Packages

struct DigestTests {
  /// The examples of FIPS 180-4's validation files: the empty message, "abc", and a million times "a".
  @Test(arguments: [
    (
      [UInt8](), LibCrypto.HashFunction.sha256,
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    ),
    (
      Array("abc".utf8), .sha256,
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    ),
    (Array("abc".utf8), .sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
    (
      Array("abc".utf8), .sha512,
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
    ),
    (
      [UInt8](repeating: UInt8(ascii: "a"), count: 1_000_000), .sha256,
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
    ),
  ])
  func hashes(_ bytes: [UInt8], _ function: LibCrypto.HashFunction, _ expected: String) {
    #expect(Digest.text(Digest.hash(bytes, function)) == expected)
    let inPieces = HashComputation(function)
    inPieces.update(bytes.prefix(bytes.count / 3))
    // A hash so far can be asked for, and the rest still follows.
    #expect(
      Digest.text(inPieces.finalize())
        == Digest.text(Digest.hash(bytes.prefix(bytes.count / 3), function)))
    // Not stored in one piece.
    inPieces.update(bytes.dropFirst(bytes.count / 3).lazy.map { $0 })
    #expect(Digest.text(inPieces.finalize()) == expected)
  }
}
