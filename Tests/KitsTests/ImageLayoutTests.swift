import Basics
import Formats
import TestSupport
import Testing

@testable import Packages

/// Images in folders of the OCI layout.
@Suite struct ImageLayoutTests {
  private static let first = Array("the first layer".utf8)
  private static let second = [UInt8](repeating: 7, count: 600_000)

  private static func open(
    _ folder: TemporaryFolder, _ tag: String? = nil, _ architecture: Architecture = .amd64
  ) throws -> ContainerImage {
    try ImageReference(argument: "oci:\(folder.path)" + (tag.map { ":\($0)" } ?? ""))
      .image(architecture: architecture, access: .test(folder))
  }

  private static func bytes(_ layer: ImageLayer, jobs: Int = 2) throws -> [UInt8] {
    try SourceReader(layer.open(jobs: jobs)).readToEnd(limit: 1 << 26)
  }

  private static func error(_ body: () throws -> Void) throws -> KitError {
    try #require(throws: KitError.self) { try body() }
  }

  @Test("An image's configuration and layers are read", arguments: [true, false])
  func read(hasMediaType: Bool) throws {
    let folder = try TemporaryFolder()
    var parts = TestImage()
    let manifest = parts.manifest(
      layers: [Self.first, Self.second], mediaType: hasMediaType ? TestImage.manifestType : nil,
      config: """
        {"User":"1:2","ExposedPorts":{"80/tcp":{},"53/udp":{}},"Env":["A=1"],"Entrypoint":["/e"],"Cmd":null,\
        "Volumes":{"/data":{}},"WorkingDir":"/w","Labels":{"a":"b"},"StopSignal":"SIGINT"}
        """)
    let descriptor = parts.descriptor(
      manifest, TestImage.manifestType,
      #""annotations":{"org.opencontainers.image.ref.name":"v:1"}"#)
    try parts.write(folder, index: [descriptor])
    for image in [try Self.open(folder), try Self.open(folder, "v:1")] {
      #expect(image.digest.text == Digest.sha256(of: manifest))
      #expect(image.indexDigest == nil)
      let process = image.configuration.process
      #expect(process.user == "1:2")
      #expect(process.exposedPorts == ["53/udp", "80/tcp"])
      #expect(process.environment == ["A=1"])
      #expect(process.entrypoint == ["/e"])
      #expect(process.command == [])
      #expect(process.volumes == ["/data"])
      #expect(process.workingFolder == "/w")
      #expect(process.labels == ["a": "b"])
      #expect(process.stopSignal == "SIGINT")
      #expect(image.layers.map(\.size) == [Self.first.count, Self.second.count])
      #expect(try Self.bytes(image.layers[0]) == Self.first)
      // Twice, and with one core.
      #expect(try Self.bytes(image.layers[1]) == Self.second)
      #expect(try Self.bytes(image.layers[1], jobs: 1) == Self.second)
      // What is written is what was read.
      let written = try JSON.encode(image.configuration)
      #expect(try JSON.decode(ImageConfiguration.self, from: written) == image.configuration)
    }
  }

  @Test("Layers are unpacked, however they are packed", arguments: ["gzip", "zstd", "xz"])
  func packed(_ tool: String) async throws {
    let folder = try TemporaryFolder()
    let file = try folder.write("plain", Self.second)
    try await Tool.shell("\(tool) -c plain >packed", in: folder.path)
    let packed = try folder.read("packed")
    var parts = TestImage()
    let configuration = parts.descriptor(
      TestImage.configuration(diffIDs: ["sha256:\(Digest.sha256(of: Self.second))"]),
      TestImage.configType)
    let layer = parts.descriptor(packed, "\(TestImage.layerType)+\(tool == "xz" ? "gzip" : tool)")
    let manifest = TestImage.manifest(configuration: configuration, layers: [layer])
    let index = [parts.descriptor(manifest, TestImage.manifestType)]
    try parts.write(folder, index: index)
    let image = try Self.open(folder)
    #expect(try Self.bytes(image.layers[0]) == Self.second)
    #expect(file.isEmpty == false)
    #expect(image.layers[0].size == packed.count)
  }

  @Test("The platform is chosen, through nested indexes and with variants")
  func platforms() throws {
    let folder = try TemporaryFolder()
    var parts = TestImage()
    func add(_ architecture: String, _ variant: String?, _ content: String) -> String {
      let manifest = parts.manifest(
        layers: [Array(content.utf8)], architecture: architecture, variant: variant)
      let variant = variant.map { #","variant":"\#($0)""# } ?? ""
      return parts.descriptor(
        manifest, TestImage.manifestType,
        #""platform":{"os":"linux","architecture":"\#(architecture)"\#(variant)}"#)
    }
    let inner = TestImage.index([
      add("amd64", "v3", "amd64-v3"), add("amd64", nil, "amd64"), add("arm", "v6", "arm-v6"),
      add("arm", "v7", "arm-v7"), add("arm64", "v8", "arm64"),
      parts.descriptor(
        Array("{}".utf8), TestImage.manifestType,
        #""platform":{"os":"unknown","architecture":"unknown"}"#),
    ])
    let index = [parts.descriptor(inner, TestImage.indexType)]
    try parts.write(folder, index: index)
    for (architecture, content) in [
      (Architecture.amd64, "amd64"), (.arm64, "arm64"), (.armhf, "arm-v7"),
    ] {
      let image = try Self.open(folder, nil, architecture)
      #expect(try Self.bytes(image.layers[0]) == Array(content.utf8))
      #expect(image.indexDigest?.text == Digest.sha256(of: inner))
    }
    let error = try Self.error { _ = try Self.open(folder, nil, .riscv64) }
    #expect(error.code == .missing)
    #expect(
      error.message.hasSuffix(
        "has no image for linux/riscv64, but linux/amd64/v3, linux/amd64, linux/arm/v6, linux/arm/v7, linux/arm64/v8"
      ))
  }

  @Test("Without a platform in the index, the configuration's counts")
  func configurationPlatform() throws {
    let folder = try TemporaryFolder()
    var parts = TestImage()
    let manifest = parts.manifest(layers: [Self.first], architecture: "arm64")
    let index = [parts.descriptor(manifest, TestImage.manifestType)]
    try parts.write(folder, index: index)
    #expect(try Self.open(folder, nil, .arm64).architecture == .arm64)
    let error = try Self.error { _ = try Self.open(folder, nil, .amd64) }
    #expect(error.code == .missing)
    #expect(error.message.hasSuffix("has no image for linux/amd64, but linux/arm64"))
  }

  @Test("Of several images one has to be named")
  func tags() throws {
    let folder = try TemporaryFolder()
    var parts = TestImage()
    let names = ["v1", "registry.example.org:5000/a/b:v2"]
    let descriptors = names.map { name in
      let manifest = parts.manifest(layers: [Array(name.utf8)])
      return parts.descriptor(
        manifest, TestImage.manifestType,
        #""annotations":{"org.opencontainers.image.ref.name":"\#(name)"}"#)
    }
    try parts.write(folder, index: descriptors)
    for name in names {
      #expect(try Self.bytes(Self.open(folder, name).layers[0]) == Array(name.utf8))
    }
    let several = try Self.error { _ = try Self.open(folder) }
    #expect(several.code == .usage)
    #expect(
      several.description.contains("has several images: v1, registry.example.org:5000/a/b:v2"))
    let missing = try Self.error { _ = try Self.open(folder, "v3") }
    #expect(missing.code == .missing)
    #expect(missing.description.contains("has no image “v3”; it has v1"))
  }

  /// What is wrong with an image, and what is said of it.
  struct Fault: Sendable, CustomTestStringConvertible {
    var testDescription: String
    var code: KitError.Code
    var message: String
    /// Changes the parts of a sound image, and returns its index.
    var make: @Sendable (inout TestImage) -> [String]
  }

  private static func simple(
    _ parts: inout TestImage, configuration: [UInt8]? = nil, layer: String? = nil,
    configType: String = TestImage.configType
  ) -> [String] {
    let plain = parts.descriptor(first, TestImage.layerType)
    let sound = TestImage.configuration(diffIDs: ["sha256:\(Digest.sha256(of: first))"])
    let configuration = parts.descriptor(configuration ?? sound, configType)
    let manifest = TestImage.manifest(configuration: configuration, layers: [layer ?? plain])
    return [parts.descriptor(manifest, TestImage.manifestType)]
  }

  private static let firstDigest = "sha256:\(Digest.sha256(of: first))"

  static let faults: [Fault] = [
    Fault(
      testDescription: "a layer of the same size", code: .unverified, message: "the manifest says"
    ) { parts in
      let index = simple(&parts)
      parts.replace(firstDigest, Array("the wrong layer".utf8))
      return index
    },
    Fault(
      testDescription: "a layer of another size", code: .unverified,
      message: "layer 1 of 1 (\(firstDigest.prefix(19))): has 3 bytes; the manifest says 15"
    ) { parts in
      let index = simple(&parts)
      parts.replace(firstDigest, [1, 2, 3])
      return index
    },
    Fault(testDescription: "a wrong diff_id", code: .unverified, message: "the configuration says")
    {
      parts in
      simple(
        &parts,
        configuration: TestImage.configuration(
          diffIDs: ["sha256:\(String(repeating: "0", count: 64))"]))
    },
    Fault(
      testDescription: "a diff_id too many", code: .unverified,
      message: "has 1 layer, and its configuration 2 diff_ids"
    ) { parts in
      simple(
        &parts, configuration: TestImage.configuration(diffIDs: [firstDigest, firstDigest]))
    },
    Fault(
      testDescription: "a diff_id that is none", code: .invalid, message: "has the diff_id “md5:1”"
    ) {
      parts in
      simple(&parts, configuration: TestImage.configuration(diffIDs: ["md5:1"]))
    },
    Fault(
      testDescription: "an artifact", code: .invalid,
      message: "is an artifact with a configuration of type “application/vnd.oci.empty.v1+json”"
    ) { parts in simple(&parts, configType: "application/vnd.oci.empty.v1+json") },
    Fault(
      testDescription: "an encrypted layer", code: .invalid,
      message: "has the media type “\(TestImage.layerType)+gzip+encrypted”"
    ) { parts in
      let layer = parts.descriptor(first, "\(TestImage.layerType)+gzip+encrypted")
      return simple(&parts, layer: layer)
    },
    Fault(testDescription: "a damaged layer", code: .unverified, message: "the manifest says") {
      parts in
      let layer = parts.descriptor([0x1f, 0x8b, 8, 0] + first, "\(TestImage.layerType)+gzip")
      parts.replace(
        "sha256:\(Digest.sha256(of: [0x1f, 0x8b, 8, 0] + first))", [0x1f, 0x8b, 8, 1] + first)
      return simple(&parts, layer: layer)
    },
    Fault(testDescription: "no manifest", code: .missing, message: "has no blobs/sha256/") {
      parts in
      var others = TestImage()
      return simple(&others)
    },
    Fault(
      testDescription: "a manifest that is changed", code: .unverified,
      message: "what leads to it says"
    ) { parts in
      let index = simple(&parts)
      let manifest = parts.blobs.first { $0.value.starts(with: #"{"schemaVersion""#.utf8) }!
      parts.replace(manifest.key, manifest.value.map { $0 == 0x2c ? 0x20 : $0 })
      return index
    },
    Fault(testDescription: "no JSON", code: .invalid, message: "is not JSON") { parts in
      [parts.descriptor(Array("<html>".utf8), TestImage.manifestType)]
    },
    Fault(
      testDescription: "schema 1", code: .invalid, message: "is a manifest of Docker's schema 1"
    ) {
      parts in
      [parts.descriptor(Array(#"{"schemaVersion":1,"fsLayers":[]}"#.utf8), nil)]
    },
    Fault(
      testDescription: "a manifest and an index at once", code: .unverified,
      message: "is a manifest and an index at once"
    ) { parts in
      let config = parts.descriptor(TestImage.configuration(diffIDs: []), TestImage.configType)
      return [
        parts.descriptor(
          Array(#"{"schemaVersion":2,"config":\#(config),"layers":[],"manifests":[]}"#.utf8), nil)
      ]
    },
    Fault(
      testDescription: "another type than announced", code: .unverified, message: "calls itself"
    ) {
      parts in
      let manifest = parts.manifest(layers: [first], mediaType: TestImage.manifestType)
      return [parts.descriptor(manifest, TestImage.indexType)]
    },
    Fault(testDescription: "indexes without end", code: .invalid, message: "indexes below indexes")
    {
      parts in
      var last = parts.descriptor(TestImage.index([]), TestImage.indexType)
      for _ in 0..<12 { last = parts.descriptor(TestImage.index([last]), TestImage.indexType) }
      return [last]
    },
    Fault(
      testDescription: "too many documents", code: .invalid,
      message: "leads to more than 100 manifests"
    ) { parts in
      let empty = parts.descriptor(TestImage.index([]), TestImage.indexType)
      return Array(repeating: empty, count: 200)
    },
    Fault(testDescription: "a huge manifest", code: .invalid, message: "at most 4194304 are read") {
      parts in
      [parts.descriptor([UInt8](repeating: 0x20, count: 4_194_305), TestImage.manifestType)]
    },
    Fault(
      testDescription: "501 layers", code: .invalid, message: "has 501 layers, at most 500 are read"
    ) {
      parts in
      let layer = parts.descriptor(first, TestImage.layerType)
      let config = parts.descriptor(
        TestImage.configuration(diffIDs: Array(repeating: firstDigest, count: 501)),
        TestImage.configType)
      let manifest = TestImage.manifest(
        configuration: config, layers: Array(repeating: layer, count: 501))
      return [parts.descriptor(manifest, TestImage.manifestType)]
    },
    Fault(testDescription: "a digest that leads out", code: .invalid, message: "has the digest") {
      _ in
      [#"{"digest":"sha256:../../../etc/passwd","size":1}"#]
    },
    Fault(testDescription: "a negative size", code: .invalid, message: "has a negative size") { _ in
      [#"{"digest":"\#(firstDigest)","size":-1}"#]
    },
  ]

  @Test("What an image gets wrong is a clear error", arguments: faults)
  func refused(_ fault: Fault) throws {
    let folder = try TemporaryFolder()
    var parts = TestImage()
    let index = fault.make(&parts)
    try parts.write(folder, index: index)
    let error = try Self.error {
      for layer in try Self.open(folder).layers { _ = try Self.bytes(layer) }
    }
    #expect(error.code == fault.code)
    #expect(error.message.contains(fault.message), "\(error)")
  }

  @Test("JSON of any depth is an error, not a crash")
  func depth() throws {
    let deep =
      [UInt8](repeating: UInt8(ascii: "["), count: 100_000)
      + [UInt8](repeating: UInt8(ascii: "]"), count: 100_000)
    #expect(throws: (any Error).self) { try JSON.decode([String].self, from: deep) }
    let objects = Array(String(repeating: #"{"a":"#, count: 100_000).utf8)
    #expect(throws: (any Error).self) { try JSON.decode([String: Int].self, from: objects) }
    let folder = try TemporaryFolder()
    try folder.write("oci-layout", #"{"imageLayoutVersion":"1.0.0"}"#.utf8)
    try folder.write("index.json", Array(#"{"manifests":"#.utf8) + deep + [0x7d])
    let error = try Self.error { _ = try Self.open(folder) }
    #expect(error.message.hasSuffix("index.json: is not JSON"))
  }

  @Test("umoci's and skopeo's layouts are read")
  func tools() async throws {
    let folder = try TemporaryFolder()
    try folder.write("root/etc/hostname", "test\n".utf8)
    try await Tool.shell(
      """
      tar -C root -cf root.tar etc
      umoci init --layout layout
      umoci new --image layout:empty
      umoci raw add-layer --image layout:empty --tag first root.tar
      umoci config --image layout:first --config.entrypoint /bin/x --config.env A=B
      skopeo copy -q oci:layout:first oci:zstd:second --dest-compress-format zstd
      """, in: folder.path)
    let tar = try folder.read("root.tar")
    for (name, type) in [("layout:first", "gzip"), ("zstd:second", "zstd")] {
      let image = try ImageReference(argument: "oci:\(folder(name))").image(
        architecture: Machine.architecture, access: .test(folder))
      #expect(image.configuration.process.entrypoint == ["/bin/x"])
      #expect(image.configuration.process.environment.contains("A=B"))
      #expect(image.layers.map(\.mediaType) == ["\(TestImage.layerType)+\(type)"])
      #expect(try Self.bytes(image.layers[0]) == tar)
    }
    // A path is enough where there is one image, and other folders are none.
    #expect(try ImageReference.detect(path: folder("zstd")) != nil)
    #expect(try ImageReference.detect(path: folder("root")) == nil)
  }
}

extension ImageAccess {
  /// Without a network.
  static func test(_ folder: TemporaryFolder) -> ImageAccess {
    ImageAccess(
      Cache(folder: folder("cache"), temporaryFolder: folder.path), Network.system().offline(),
      progress: .none, jobs: 2, variables: [:])
  }
}
