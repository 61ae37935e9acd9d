internal import CCrypto

/// OpenSSL's libcrypto, without the configuration of the machine, which could change what it accepts.
package enum LibCrypto {
  /// OSSL_LIB_CTX(3); shared by all threads.
  nonisolated(unsafe) static let context: OpaquePointer? = unsafe OSSL_LIB_CTX_new()

  /// A hash function by OpenSSL's name of it.
  @safe package struct HashFunction: Sendable {
    let name: String
    /// EVP_MD_fetch(3); never freed.
    nonisolated(unsafe) let function: OpaquePointer?

    private init(_ name: String) {
      self.name = name
      unsafe function = EVP_MD_fetch(LibCrypto.context, name, nil)
    }

    /// 20 bytes. FIPS 180-4, 6.1.
    package static let sha1 = HashFunction("SHA1")
    /// 32 bytes. FIPS 180-4, 6.2.
    package static let sha256 = HashFunction("SHA256")
    /// 64 bytes. FIPS 180-4, 6.4.
    package static let sha512 = HashFunction("SHA512")
  }
}

/// A hash that is computed piece by piece. EVP_DigestUpdate(3).
@safe package final class HashComputation {
  private let state: OpaquePointer?

  /// Begins a hash.
  package init(_ function: LibCrypto.HashFunction = .sha256) {
    unsafe state = EVP_MD_CTX_new()
    let isReady = unsafe EVP_DigestInit_ex2(state, function.function, nil) == 1
    precondition(isReady, "libcrypto has no \(function.name)")
  }

  deinit { unsafe EVP_MD_CTX_free(state) }

  /// Adds bytes to what is hashed.
  package func update(_ bytes: some Collection<UInt8>) {
    let done: Void? = bytes.withContiguousStorageIfAvailable { bytes in
      unsafe _ = EVP_DigestUpdate(state, bytes.baseAddress, bytes.count)
    }
    if done == nil { update(Array(bytes)) }
  }

  /// Returns the hash of all bytes so far. More may follow: it is computed in a copy of the state.
  package func finalize() -> [UInt8] {
    let copy = unsafe EVP_MD_CTX_new()
    defer { unsafe EVP_MD_CTX_free(copy) }
    let isCopied = unsafe EVP_MD_CTX_copy_ex(copy, state) == 1
    precondition(isCopied, "libcrypto could not copy a hash")
    return unsafe [UInt8](unsafeUninitializedCapacity: Int(EVP_MAX_MD_SIZE)) { buffer, count in
      var size: UInt32 = 0
      let isDone = unsafe EVP_DigestFinal_ex(copy, buffer.baseAddress, &size) == 1
      precondition(isDone, "libcrypto could not finish a hash")
      count = Int(size)
    }
  }
}

/// An RSA public key that checks signatures. RFC 8017.
@safe package final class RSAPublicKey {
  private let key: OpaquePointer

  /// - Parameter pem: a SubjectPublicKeyInfo in PEM. RFC 7468, section 13.
  /// - Returns: nil for what is no RSA key of 2048 bits or more.
  package init?(pem: [UInt8]) {
    let key = unsafe pem.withUnsafeBytes { bytes -> OpaquePointer? in
      guard let input = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(bytes.count)) else {
        return nil
      }
      defer { unsafe BIO_free(input) }
      return unsafe PEM_read_bio_PUBKEY_ex(input, nil, nil, nil, LibCrypto.context, nil)
    }
    guard let key = unsafe key else { return nil }
    guard unsafe EVP_PKEY_is_a(key, "RSA") == 1, unsafe EVP_PKEY_get_bits(key) >= 2048 else {
      unsafe EVP_PKEY_free(key)
      return nil
    }
    unsafe self.key = key
  }

  deinit { unsafe EVP_PKEY_free(key) }

  /// Returns whether a signature of RSASSA-PKCS1-v1_5 is good. RFC 8017, 8.2.2.
  package func isValid(
    _ signature: [UInt8], of bytes: ArraySlice<UInt8>, hashedBy function: LibCrypto.HashFunction
  ) -> Bool {
    let state = unsafe EVP_MD_CTX_new()
    defer { unsafe EVP_MD_CTX_free(state) }
    let isReady = unsafe EVP_DigestVerifyInit_ex(
      state, nil, function.name, LibCrypto.context, nil, key, nil)
    guard isReady == 1 else { return false }
    return unsafe bytes.withUnsafeBufferPointer { bytes in
      unsafe EVP_DigestVerify(
        state, signature, signature.count, bytes.baseAddress, bytes.count) == 1
    }
  }
}
