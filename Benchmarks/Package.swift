// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Benchmarks",
  dependencies: [
    .package(name: "minivm", path: ".."),
    .package(url: "https://github.com/ordo-one/benchmark", from: "1.38.1", traits: []),
  ],
  targets: [
    .executableTarget(
      name: "packages-index",
      dependencies: [
        .product(name: "KernelKit", package: "minivm"),
        .product(name: "Formats", package: "minivm"),
      ]),
    // What `make bench-micro` runs.
    .executableTarget(
      name: "formats",
      dependencies: [
        .product(name: "Benchmark", package: "benchmark"),
        .product(name: "Formats", package: "minivm"),
      ],
      path: "Benchmarks/formats",
      plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")]),
  ]
)
