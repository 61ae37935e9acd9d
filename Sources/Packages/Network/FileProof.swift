package import Formats

/// How a downloaded file is known to be the one that a trusted list names.
package enum FileProof: Sendable {
  /// The hash of the whole file, which is also its key in the cache.
  case hash(FileHash)
  /// A judgement of the complete file, for formats whose lists give a hash of a part only. `key` is the key in the
  /// cache; the closure throws for any other file, with the file's address in the message.
  case judged(key: String, _ judge: @Sendable (InputFile) throws -> Void)

  /// The folder's name in the cache.
  var key: String {
    switch self {
    case .hash(let hash): hash.text
    case .judged(let key, _): key
    }
  }

  /// The hash of the whole file; nil where the list gives none.
  var hash: FileHash? {
    if case .hash(let hash) = self { hash } else { nil }
  }
}
