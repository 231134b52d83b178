import Glibc
import TestSupport

/// The programs that were built with the tests, and the fixtures for them.
enum Astd {
    static let repository = #filePath.replacing("/Tests/EndToEndTests/Astd.swift", with: "")
    /// A small model: windows of 0.96 s, twelve labels.
    static let model = repository + "/Tests/Golden/models/stride10"
    static let modelWindowSeconds = 0.96
    /// 96 frames: 95 frame shifts of 10 ms and one frame of 25 ms.
    static let modelWindowSamples = 95 * 160 + 400
    static let clip = repository + "/Tests/Golden/clips/long.wav"

    /// Whether `--precision int8` is accepted, here and with `ASTD_KERNELS`.
    static let computesInt8: Bool = {
        if let level = getenv("ASTD_KERNELS"), ["plain", "neon"].contains(String(cString: level)) {
            return false
        }
        let features = String(decoding: (try? TestFolder.bytes(of: "/proc/cpuinfo")) ?? [], as: UTF8.self)
        return ["avx2", "asimddp"].contains { features.contains(" \($0) ") }
    }()

    /// The path of `astd` or `astctl`.
    static func path(_ name: String) throws -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count)
        let bundle = String(
            decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let path = bundle.prefix(upTo: bundle.lastIndex(of: "/") ?? bundle.startIndex) + "/\(name)"
        guard access(String(path), X_OK) == 0 else {
            throw TestFailure("\(path) does not exist: run `swift build` first")
        }
        return String(path)
    }

    /// Starts `astd` or `astctl`.
    static func start(
        _ command: [String], in folder: TestFolder, environment: [String: String] = [:]
    ) throws -> ChildProcess {
        try ChildProcess([try path(command[0])] + command.dropFirst(), in: folder, environment: environment)
    }

    /// Runs `astd` or `astctl` to its end.
    static func run(
        _ command: [String], in folder: TestFolder, environment: [String: String] = [:]
    ) async throws -> ChildProcess.Exit {
        try await start(command, in: folder, environment: environment).exit()
    }
}
