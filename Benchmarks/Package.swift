// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Benchmarks",
  dependencies: [.package(name: "minivm", path: "..")],
  targets: [
    .executableTarget(
      name: "packages-index",
      dependencies: [
        .product(name: "KernelKit", package: "minivm"),
        .product(name: "Formats", package: "minivm"),
      ])
  ]
)
