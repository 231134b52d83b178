// swift-tools-version: 6.2

import PackageDescription

// Fuzz targets (`make fuzz`). A package of their own, because they link libFuzzer instead of a main program.
let fuzzed: [SwiftSetting] = [.unsafeFlags(["-parse-as-library"])]

let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "astd", path: "..")],
    targets: [
        .target(name: "FuzzSupport"),
        .executableTarget(
            name: "SafetensorsHeader",
            dependencies: ["FuzzSupport", .product(name: "Inference", package: "astd")], swiftSettings: fuzzed
        ),
        .executableTarget(
            name: "ShardIndex",
            dependencies: ["FuzzSupport", .product(name: "Inference", package: "astd")], swiftSettings: fuzzed
        ),
        .executableTarget(
            name: "AdapterConfig",
            dependencies: ["FuzzSupport", .product(name: "Inference", package: "astd")], swiftSettings: fuzzed
        ),
        .executableTarget(
            name: "AdapterTensors",
            dependencies: ["FuzzSupport", .product(name: "Inference", package: "astd")], swiftSettings: fuzzed
        ),
        .executableTarget(
            name: "Requests", dependencies: [.product(name: "Wire", package: "astd")], swiftSettings: fuzzed),
        .executableTarget(
            name: "SettingsText",
            dependencies: ["FuzzSupport", .product(name: "Settings", package: "astd")], swiftSettings: fuzzed),
    ],
    swiftLanguageModes: [.v6]
)
