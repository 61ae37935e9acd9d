// swift-tools-version: 6.2
import PackageDescription

// Built by scripts/fuzz, which gives the flags for coverage.
let package = Package(
  name: "Fuzz",
  dependencies: [.package(name: "minivm", path: "..")],
  targets: [
    .target(name: "CLibFuzzer"),
    .executableTarget(
      name: "fuzz",
      dependencies: [
        "CLibFuzzer",
        .product(name: "KernelKit", package: "minivm"),
        .product(name: "Formats", package: "minivm"),
      ]),
  ]
)
