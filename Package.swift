// swift-tools-version: 6.2
import Foundation
import PackageDescription

/// A compression library, linked from its static archive where the machine has one, so that the
/// release binary needs nothing but libc on the machine that it is copied to.
func library(_ name: String) -> LinkerSetting {
  let folders =
    ["/usr/lib", "/usr/lib64", "/usr/local/lib"]
    + ((try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib")) ?? [])
    .filter { $0.hasSuffix("-linux-gnu") }.map { "/usr/lib/\($0)" }
  let hasArchive = folders.contains {
    FileManager.default.fileExists(atPath: "\($0)/lib\(name).a")
  }
  return .linkedLibrary(hasArchive ? ":lib\(name).a" : name)
}

/// bzip2 is read where the machine has its header: no current Debian package needs it.
let hasBzip2 = FileManager.default.fileExists(atPath: "/usr/include/bzlib.h")

let strict: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

let codecs = ["lzma", "zstd", "z", "deflate", "lz4"] + (hasBzip2 ? ["bz2"] : [])
let systemLibraries: [Target.Dependency] =
  [
    "CMiniVM", "CLzma", "CZstd", "CZlib", "CDeflate", "CLz4",
  ] + (hasBzip2 ? ["CBzip2"] : [])

/// Each uses those before it only: Packages, Modules and Machines do not know Kits.
let layers: [Target.Dependency] = ["Formats", "Basics", "Packages", "Modules", "Machines", "Kits"]

let package = Package(
  name: "minivm",
  products: [.executable(name: "minivm", targets: ["minivm"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
  ],
  targets: [
    .target(name: "CMiniVM", path: "Sources/CMiniVM"),
    .target(name: "CGuest", path: "Sources/CGuest"),
    .systemLibrary(name: "CLzma", path: "Sources/CLibraries/CLzma"),
    .systemLibrary(name: "CZstd", path: "Sources/CLibraries/CZstd"),
    .systemLibrary(name: "CZlib", path: "Sources/CLibraries/CZlib"),
    .systemLibrary(name: "CDeflate", path: "Sources/CLibraries/CDeflate"),
    .systemLibrary(name: "CLz4", path: "Sources/CLibraries/CLz4"),
    .systemLibrary(name: "CYaml", path: "Sources/CLibraries/CYaml"),
    .systemLibrary(name: "CCrypto", path: "Sources/CLibraries/CCrypto"),
    .systemLibrary(name: "CBzip2", path: "Sources/CLibraries/CBzip2"),
    .target(
      name: "Formats",
      dependencies: systemLibraries,
      swiftSettings: strict + (hasBzip2 ? [.define("HAS_BZIP2")] : []),
      linkerSettings: codecs.map(library)
    ),
    // What every layer above needs: errors, settings, hashes, this machine.
    .target(
      name: "Basics",
      dependencies: [
        "Formats", "CMiniVM", "CGuest", "CYaml", "CCrypto",
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict,
      linkerSettings: [library("yaml"), library("crypto")]
    ),
    .target(
      name: "Packages",
      dependencies: [
        "Basics", "Formats", "CMiniVM",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
    .target(name: "Modules", dependencies: ["Basics", "Formats"], swiftSettings: strict),
    .target(
      name: "Machines",
      dependencies: [
        "Modules", "Basics", "Formats", "CMiniVM",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "Kits",
      dependencies: [
        "Machines", "Modules", "Packages", "Basics", "Formats", "CMiniVM", "CGuest",
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict
    ),
    .executableTarget(
      name: "minivm",
      dependencies: layers + [
        "CMiniVM",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Logging", package: "swift-log"),
      ],
      swiftSettings: strict
    ),
    .target(
      name: "TestSupport",
      dependencies: layers + [
        .product(name: "Logging", package: "swift-log"),
        .product(name: "Subprocess", package: "swift-subprocess"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      path: "Tests/TestSupport",
      swiftSettings: strict
    ),
    // What is broken on purpose in tests, and by libFuzzer.
    .target(
      name: "DecoderChecks", dependencies: layers, path: "Tests/DecoderChecks",
      swiftSettings: strict),
    .testTarget(
      name: "FormatsTests", dependencies: ["Formats", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "KitsTests", dependencies: layers + ["TestSupport", "DecoderChecks"],
      swiftSettings: strict),
    .testTarget(
      name: "BootTests", dependencies: layers + ["TestSupport"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// libFuzzer's program can be linked only with the flags that scripts/fuzz gives.
if Context.environment["MINIVM_FUZZ"] != nil {
  package.targets += [
    .target(name: "CLibFuzzer", path: "Tests/CLibFuzzer"),
    .executableTarget(
      name: "fuzz", dependencies: ["CLibFuzzer", "DecoderChecks"], path: "Tests/Fuzz",
      swiftSettings: strict),
  ]
}

// What `make bench-micro` runs, which takes a package that nothing else does.
if Context.environment["MINIVM_BENCH"] != nil {
  package.dependencies.append(
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []))
  package.targets += [
    .executableTarget(
      name: "packages-index", dependencies: ["Packages", "Formats"],
      path: "Benchmarks/packages-index"),
    .executableTarget(
      name: "formats",
      dependencies: [.product(name: "Benchmark", package: "benchmark"), "Formats"],
      path: "Benchmarks/formats",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ]
}
