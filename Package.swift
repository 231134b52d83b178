// swift-tools-version: 6.2

import PackageDescription

// One set of rules for every Swift target: Swift 6 mode, explicit existentials, imports that stay
// inside the file that needs them, and no warning left standing.
let house: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

// For `--version`; `make release` sets it. Debug builds do without: they would be linked again for each
// commit.
let commit = (Context.environment["ASTD_COMMIT"] ?? "").filter { $0.isLetter || $0.isNumber || $0 == "-" }

let argumentParser: Target.Dependency = .product(
    name: "ArgumentParser", package: "swift-argument-parser")
let log: Target.Dependency = .product(name: "Logging", package: "swift-log")
let nio: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioHTTP: Target.Dependency = .product(name: "NIOHTTP1", package: "swift-nio")
let nioLocks: Target.Dependency = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let serviceLifecycle: Target.Dependency = .product(
    name: "ServiceLifecycle", package: "swift-service-lifecycle")
let signals: Target.Dependency = .product(name: "UnixSignals", package: "swift-service-lifecycle")

// A folder is a library and a library is a declared edge. Capture, Frontend, Inference, Detection
// and Wire never import each other; they meet in Recognizer, Daemon and Batch.
let package = Package(
    name: "astd",
    products: [
        .executable(name: "astd", targets: ["astd"]),
        .executable(name: "astctl", targets: ["astctl"]),
        .executable(name: "astd-gateway", targets: ["astd-gateway"]),
        // For the fuzz targets, which are a package of their own.
        .library(name: "Inference", targets: ["Inference"]),
        .library(name: "Settings", targets: ["Settings"]),
        .library(name: "Wire", targets: ["Wire"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // C, seen only by the one target that wraps it.
        .target(
            name: "CKernels",
            cSettings: [.headerSearchPath("."), .treatAllWarnings(as: .error)]),
        .target(
            name: "CSystemSupport",
            cSettings: [
                .define("ASTD_COMMIT", to: "\"\(commit)\"", .when(configuration: .release)),
                .treatAllWarnings(as: .error),
            ]),
        .systemLibrary(name: "CCurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CMosquitto", providers: [.apt(["libmosquitto-dev"])]),
        .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
        .systemLibrary(name: "COpenSSL", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CPng", providers: [.apt(["libpng-dev"])]),
        .systemLibrary(name: "CPulse", providers: [.apt(["libpulse-dev"])]),
        .systemLibrary(name: "CSndfile", providers: [.apt(["libsndfile1-dev"])]),
        .systemLibrary(name: "CSoxr", providers: [.apt(["libsoxr-dev"])]),
        .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
        .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),

        // The JSON reader and writer, near misses, number formatting: text without any domain.
        .target(name: "TextSupport", swiftSettings: house),
        // Threads, the heap and the processors.
        .target(name: "SystemSupport", dependencies: ["CSystemSupport"], swiftSettings: house),

        // What a program says to systemd and its journal.
        .target(name: "Systemd", dependencies: ["SystemSupport", log], swiftSettings: house),

        // The stages, in the order the data takes.
        .target(
            name: "Capture", dependencies: ["CPulse", "CSndfile", "CSoxr", "SystemSupport"],
            swiftSettings: house),
        .target(name: "Frontend", dependencies: ["CKernels"], swiftSettings: house),
        .target(
            name: "Inference",
            dependencies: ["CKernels", "COpenBLAS", "COpenSSL", "SystemSupport", "TextSupport"],
            swiftSettings: house),
        .target(name: "Detection", swiftSettings: house),
        .target(name: "Wire", dependencies: ["TextSupport"], swiftSettings: house),

        // Where the stages meet.
        .target(
            name: "Recognizer",
            dependencies: [
                "Capture", "Detection", "Frontend", "Inference", "SystemSupport", "TextSupport", "Wire",
            ],
            swiftSettings: house),
        .target(
            name: "Batch",
            dependencies: [
                "CPng", "Capture", "Frontend", "Inference", "Recognizer", "Detection", "SystemSupport",
                "TextSupport", "Wire",
            ],
            // Compiled into the program, so that it stays one file.
            resources: [.embedInCode("Report/report.css"), .embedInCode("Report/report.js")],
            swiftSettings: house),
        .target(
            name: "Settings",
            dependencies: ["CYAML", "Detection", "SystemSupport", "TextSupport"],
            swiftSettings: house),
        .target(
            name: "Daemon",
            dependencies: [
                "Capture", "Frontend", "Inference", "Recognizer",
                "Detection", "Settings", "SystemSupport", "Systemd", "TextSupport",
                "Wire", log, nio, nioLocks, nioPosix, serviceLifecycle, signals,
            ],
            swiftSettings: house),

        // Clients of a running daemon: its sockets, never its code.
        .target(
            name: "DaemonClient", dependencies: ["SystemSupport", "TextSupport", "Wire"],
            swiftSettings: house),
        .target(
            name: "Gateway",
            dependencies: [
                "CCurl", "CMosquitto", "CSQLite", "DaemonClient", "Settings", "SystemSupport", "Systemd",
                "TextSupport", "Wire", log, nio, nioHTTP, nioPosix,
            ],
            // The files of the page, compiled into the program.
            resources: [.embedInCode("Page/Files")],
            swiftSettings: house),

        // The programs: argument parsing only.
        .executableTarget(
            name: "astd",
            dependencies: [
                "Batch", "Capture", "Daemon", "Detection", "Frontend", "Inference", "Recognizer", "Settings",
                "SystemSupport", "Systemd", "TextSupport", "Wire", log, argumentParser,
            ],
            swiftSettings: house),
        .executableTarget(
            name: "astctl",
            dependencies: ["DaemonClient", "SystemSupport", "TextSupport", "Wire", argumentParser],
            swiftSettings: house),
        .executableTarget(
            name: "astd-gateway",
            dependencies: [
                "Gateway", "Settings", "SystemSupport", "Systemd", "TextSupport", "Wire", log, argumentParser,
            ],
            swiftSettings: house),

        // Shared by the tests of all targets, and depends on none of them.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: house),
        .testTarget(name: "SystemSupportTests", dependencies: ["SystemSupport"], swiftSettings: house),
        .testTarget(
            name: "CaptureTests", dependencies: ["Capture", "SystemSupport", "TestSupport"],
            swiftSettings: house),
        .testTarget(
            name: "FrontendTests", dependencies: ["Capture", "Frontend", "Inference", "TestSupport"],
            swiftSettings: house),
        .testTarget(
            name: "InferenceTests", dependencies: ["Inference", "SystemSupport", "TestSupport"],
            swiftSettings: house),
        .testTarget(name: "DetectionTests", dependencies: ["Detection"], swiftSettings: house),
        .testTarget(
            name: "RecognizerTests",
            dependencies: [
                "Capture", "Frontend", "Inference", "Recognizer", "SystemSupport", "TestSupport", "Wire",
            ],
            swiftSettings: house),
        .testTarget(
            name: "BatchTests",
            dependencies: [
                "Batch", "Capture", "Detection", "Frontend", "Inference", "Recognizer", "SystemSupport",
                "TestSupport", "TextSupport", "Wire",
            ],
            swiftSettings: house),
        .testTarget(
            name: "TextSupportTests", dependencies: ["TestSupport", "TextSupport"], swiftSettings: house),
        .testTarget(
            name: "WireTests",
            dependencies: [
                "DaemonClient", "SystemSupport", "TestSupport", "TextSupport", "Wire", "astctl",
                argumentParser,
            ],
            swiftSettings: house),
        .testTarget(
            name: "DaemonTests",
            dependencies: [
                "Capture", "Daemon", "Detection", "Frontend", "Inference", "Recognizer", "Settings",
                "SystemSupport", "Systemd", "TestSupport", "TextSupport", "Wire", log, nio,
                nioLocks, nioPosix, serviceLifecycle,
            ],
            swiftSettings: house),
        .testTarget(
            name: "SettingsTests",
            dependencies: [
                "Capture", "Detection", "Inference", "Settings", "TestSupport", "astd", argumentParser,
            ],
            swiftSettings: house),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "CSQLite", "Gateway", "Settings", "SystemSupport", "TestSupport", "TextSupport", "Wire",
                "astd-gateway",
                argumentParser, log, nioHTTP,
            ],
            swiftSettings: house),
        .testTarget(
            name: "EndToEndTests", dependencies: ["SystemSupport", "TestSupport", "TextSupport", "Wire"],
            swiftSettings: house),
    ],
    swiftLanguageModes: [.v6]
)
