// swift-tools-version: 6.2

import PackageDescription

// Fuzz targets, apart from astd's own package because they link libFuzzer in place of a main program: `make fuzz`.
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
            name: "AdapterConfig",
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
