internal import Basics
internal import Formats

/// A manifest, or an index of manifests.
enum ImageDocument {
  /// The most bytes of a manifest, an index or a configuration: registries take no larger ones.
  static let sizeLimit = 4 << 20
  /// The most layers of an image. overlayfs stacks at most 500.
  static let layerLimit = 500

  case index([ImageDescriptor])
  case manifest(configuration: ImageDescriptor, layers: [ImageDescriptor])

  private struct Fields: Decodable {
    /// Something that is there.
    struct Presence: Decodable {
      init(from decoder: any Decoder) {}
    }

    var schemaVersion: Int?
    var mediaType: String?
    var config: ImageDescriptor?
    var layers: [ImageDescriptor]?
    var manifests: [ImageDescriptor]?
    var fsLayers: Presence?
  }

  /// Reads a document. OCI Image Format Specification, "Image Manifest" and "Image Index".
  /// - Parameters:
  ///   - declared: the type that the descriptor or the server gives it; nil for none.
  ///   - name: for messages.
  /// - Throws: `KitError.invalid` for what is neither, and `KitError.unverified` for a document of two kinds.
  init(reading bytes: [UInt8], declared: String?, name: String) throws(KitError) {
    let fields: Fields = try ImageJSON.decode(bytes, name: name)
    let type = fields.mediaType ?? declared
    if fields.fsLayers != nil || type.map(ImageMediaType.isFirstSchema) == true
      || fields.schemaVersion == 1
    {
      throw KitError(
        .invalid, "\(name): is a manifest of Docker's schema 1, which proves nothing",
        advice: "push the image again with a current tool")
    }
    if let own = fields.mediaType, let declared, own != declared {
      throw KitError(
        .unverified, "\(name): calls itself \(own.quoted), and was announced as \(declared.quoted)",
        advice: "have the image pushed again")
    }
    if let type, !ImageMediaType.documents.contains(type) {
      throw KitError(
        .invalid, "\(name): has the media type \(type.quoted), which is no image's",
        advice: "name an image (expected \(ImageMediaType.manifest) or an index)")
    }
    // Who reads a document that is both differently from others is deceived.
    if fields.manifests != nil, fields.config != nil || fields.layers != nil {
      throw KitError(.unverified, "\(name): is a manifest and an index at once")
    }
    let isIndex = type.map(ImageMediaType.indexes.contains)
    if let manifests = fields.manifests, isIndex != false {
      self = .index(manifests)
    } else if let configuration = fields.config, isIndex != true {
      let layers = fields.layers ?? []
      guard layers.count <= Self.layerLimit else {
        throw KitError(
          .invalid, "\(name): has \(layers.count) layers, at most \(Self.layerLimit) are read")
      }
      self = .manifest(configuration: configuration, layers: layers)
    } else {
      throw KitError(.invalid, "\(name): is neither a manifest nor an index of an image")
    }
  }
}

/// JSON of images, with errors that name the place.
enum ImageJSON {
  /// - Throws: `KitError.invalid` with the name and the place in the JSON.
  static func decode<Value: Decodable>(_ bytes: [UInt8], name: String) throws(KitError) -> Value {
    do {
      return try JSON.decode(Value.self, from: bytes)
    } catch let error as DecodingError {
      throw KitError(.invalid, "\(name): \(reason(error))")
    } catch {
      throw KitError(.invalid, "\(name): is not JSON")
    }
  }

  private static func reason(_ error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      context.codingPath.map { $0.intValue.map { "[\($0)]" } ?? ".\($0.stringValue)" }.joined()
    }
    switch error {
    case .keyNotFound(let key, let context):
      return "\(place(context)).\(key.stringValue) is missing"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return "\(place(context)) has another type than it must have"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "\(place(context)) can't be read"
    default: return "is not JSON"
    }
  }
}
