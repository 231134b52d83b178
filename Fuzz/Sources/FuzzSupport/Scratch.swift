import Glibc

/// A directory in memory with copies of a golden directory's files, one of which the fuzzer overwrites.
public struct Scratch: Sendable {
    public let path: String
    private let file: String

    /// - Parameters:
    ///   - golden: Name below `Tests/Golden`.
    ///   - fuzzed: The file that ``write(_:_:)`` replaces.
    ///   - weights: The name of the copy of `model.safetensors`.
    ///   - name: Distinguishes several directories of one program.
    public init(
        golden: String, fuzzed: String, weights: String = "model.safetensors", name: String = "files"
    ) {
        let tests = #filePath.replacing("/Fuzz/Sources/FuzzSupport/Scratch.swift", with: "/Tests/Golden/")
        path = "/dev/shm/astd-fuzz-\(getpid())-\(name)"
        file = path + "/" + fuzzed
        mkdir(path, 0o700)
        for name in [
            "config.json", "preprocessor_config.json", "adapter_config.json", "model.safetensors",
            "adapter_model.safetensors",
        ] {
            guard let source = fopen(tests + golden + "/" + name, "r") else { continue }
            defer { fclose(source) }
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = fread(&bytes, 1, bytes.count, source)
            Self.write(path + "/" + (name == "model.safetensors" ? weights : name), bytes, count)
        }
    }

    public func write(_ bytes: UnsafePointer<UInt8>?, _ count: Int) { Self.write(file, bytes, count) }

    private static func write(_ path: String, _ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        guard let file = fopen(path, "w") else { abort() }
        defer { fclose(file) }
        if count > 0, fwrite(bytes, 1, count, file) != count { abort() }
    }
}
