import FoundationEssentials
import TestSupport
import Testing

@testable import Inference
import Glibc

@Suite struct PackedCacheTests {
    private static let model = Golden.path("models/f16")

    /// Creates a directory that is removed afterwards.
    private func withDirectory(_ body: (String) throws -> Void) throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "astd-cache-\(UUID())")
        defer { try? FileManager.default.removeItem(at: url) }
        try body(url.path)
    }

    private func logits(_ cache: String?, model: String = model) throws -> [Float] {
        let base = try BaseModel(
            directory: model, precision: .int8, cache: cache.map { PackedCache(directory: $0) })
        let engine = try Engine(threads: 1)
        engine.prepare(for: [base.network])
        let dimensions = base.network.config.dimensions
        let features = (0..<dimensions.frames * dimensions.melBins).map { Float($0 % 23) / 23 - 0.5 }
        var logits = [Float](repeating: .nan, count: base.network.config.labels.count)
        features.withUnsafeBufferPointer { features in
            logits.withUnsafeMutableBufferPointer {
                engine.classify(base.network, features, logits: $0)
            }
        }
        return logits
    }

    private func files(_ directory: String, _ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory).filter { $0.hasSuffix(suffix) }
            .map { directory + "/" + $0 }.sorted()
    }

    @Test func `A second start finds the packed weights and computes the same`() throws {
        try withDirectory { directory in
            let wanted = try logits(nil)
            #expect(try logits(directory) == wanted)
            let file = try #require(try files(directory, ".packed").first)
            let gemm = try #require(QuantizedGEMM(.int8))
            let base = try #require(file.split(separator: "/").last?.prefix(64)).description
            let packed = try #require(PackedFile(path: file, base: base, gemm))
            let name = "audio_spectrogram_transformer.encoder.layer.0.attention.attention.query.weight"
            let checkpoint = try Checkpoint(path: Self.model + "/model.safetensors")
            let shape = try #require(checkpoint.shape(of: name))
            let smoothing = try Checkpoint(path: Self.model + "/model.safetensors", precision: .int8)
                .smoothing(ofMatrix: name).fingerprint
            func isThere(_ name: String, _ outputs: Int, _ smoothing: String) -> Bool {
                packed.matrix(name, outputs: outputs, inputs: shape[1], smoothing: smoothing) != nil
            }
            #expect(isThere(name, shape[0], smoothing))
            #expect(!isThere(name, shape[0] + 1, smoothing) && !isThere("another", shape[0], smoothing))
            #expect(!isThere(name, shape[0], MatrixSmoothing.none.fingerprint), "packed for another norm")
            #expect(PackedFile(path: file, base: String(repeating: "0", count: 64), gemm) == nil)
            #expect(try logits(directory) == wanted)
        }
    }

    /// Kinds of damage to a file.
    private static let damages: [String: @Sendable (Data) -> Data] = [
        "a byte in the middle": { data in
            var data = data
            data[data.count / 2] ^= 1
            return data
        },
        "the last byte": { data in
            var data = data
            data[data.count - 1] = UInt8(ascii: "x")
            return data
        },
        "cut short": { $0.prefix($0.count - 100) },
        "nothing": { _ in Data() },
        "another version": { data in
            var data = data
            data[20] = UInt8(ascii: "0")
            return data
        },
        "more": { $0 + Data(count: 64) },
    ]

    @Test(arguments: Array(damages.keys)) func `A damaged file is rebuilt`(what: String) throws {
        try withDirectory { directory in
            let wanted = try logits(directory)
            let file = try #require(try files(directory, ".packed").first)
            let good = try Data(contentsOf: URL(filePath: file))
            let damage = try #require(Self.damages[what])
            try damage(good).write(to: URL(filePath: file))
            #expect(try logits(directory) == wanted)
            #expect(try Data(contentsOf: URL(filePath: file)) == good)
        }
    }

    @Test func `An offset outside the file is rejected although the SHA-256 is right`() throws {
        try withDirectory { directory in
            _ = try logits(directory)
            let file = try #require(try files(directory, ".packed").first)
            let base = try #require(file.split(separator: "/").last?.prefix(64)).description
            let gemm = try #require(QuantizedGEMM(.int8))
            let data = try Data(contentsOf: URL(filePath: file))
            let end = try #require(data.firstIndex(of: 0))
            for offset in ["-64", "9223372036854775744", "1", "99999999999999999999", "\(data.count)"] {
                var lines = String(decoding: data[..<end], as: UTF8.self).split(separator: "\n")
                var words = lines[4].split(separator: " ").map(String.init)
                words[4] = offset
                lines[4] = Substring(words.joined(separator: " "))
                let text = Data((lines.joined(separator: "\n") + "\n").utf8)
                let start = (end + 4096) / 4096 * 4096
                var payload = text + Data(count: start - text.count) + data[start..<(data.count - 64)]
                var digest = Digest()
                payload.withUnsafeBytes { digest.add($0) }
                payload += Data(digest.hexadecimal().utf8)
                try payload.write(to: URL(filePath: file))
                #expect(PackedFile(path: file, base: base, gemm) == nil, "\(offset)")
            }
        }
    }

    @Test func `Each model has its own file, also a model that was changed in place`()
        throws
    {
        try withDirectory { directory in
            let copy = directory + "-model"
            defer { try? FileManager.default.removeItem(atPath: copy) }
            try FileManager.default.copyItem(atPath: Self.model, toPath: copy)
            let first = try logits(directory, model: copy)
            let weights = URL(filePath: copy + "/model.safetensors")
            var bytes = try Data(contentsOf: weights)
            // Changes values of some tensor, to finite values.
            for index in 0..<2_000 where index % 2 == 0 { bytes[bytes.count / 2 & ~1 + index] ^= 0x40 }
            try bytes.write(to: weights)
            let second = try logits(directory, model: copy)
            #expect(try second == logits(nil, model: copy) && second != first)
            #expect(try files(directory, ".packed").count == 2)
        }
    }

    /// Writes a sparse file that was last used at this time.
    private func write(_ path: String, megabytes: Int = 0, used seconds: Int) throws {
        try Data([1]).write(to: URL(filePath: path))
        try #require(megabytes == 0 || truncate(path, megabytes << 20) == 0)
        var times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        utimensat(AT_FDCWD, path, &times, 0)
    }

    @Test func `The eight most recently used files are kept, and those that a process has mapped`() throws {
        try withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            for number in 1...20 { try write("\(directory)/\(number).packed", used: number) }
            let used = try MappedFile(path: "\(directory)/2.packed", .cache)
            _ = try logits(directory)
            let kept = try files(directory, ".packed").map { String($0.split(separator: "/").last ?? "") }
            #expect(kept.count == 9)
            #expect(
                Set(kept.filter { $0.utf8.count < 20 })
                    == Set((14...20).map { "\($0).packed" } + ["2.packed"]))
            withExtendedLifetime(used) {}
        }
        try withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            for number in 1...4 { try write("\(directory)/\(number).packed", megabytes: 400, used: number) }
            _ = try logits(directory)
            #expect(try files(directory, ".packed").count == 3, "two of 400 MB and the new one")
        }
    }

    @Test func `Temporary files of processes that were killed are removed`() throws {
        try withDirectory { directory in
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            try write("\(directory)/a.packed.abcdef", used: 1)
            try write("\(directory)/b.packed.abcdef", used: Int(time(nil)))
            try write("\(directory)/another.abcdef", used: 1)
            _ = try logits(directory)
            #expect(
                try files(directory, ".abcdef") == [
                    "\(directory)/another.abcdef", "\(directory)/b.packed.abcdef",
                ])
        }
    }

    @Test func `A cache that cannot be written is noted with the reason`() throws {
        let base = try BaseModel(
            directory: Self.model, precision: .int8, cache: PackedCache(directory: "/proc/astd"))
        #expect(
            base.notes.last
                == "packed weights are packed at every start: /proc/astd cannot be written: No such file or directory"
        )
    }

    @Test(arguments: ["/proc/astd", "/dev/null/astd"])
    func `Without a writable directory the weights are packed at every start`(directory: String) throws {
        #expect(try logits(directory) == logits(nil))
    }

    @Test func `Processes that start at the same time find only complete files`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "astd-cache-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let wanted = try logits(nil)
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (try? self.logits(directory)) == wanted } }
            for await isSame in group { #expect(isSame) }
        }
        #expect(try files(directory, ".packed").count == 1)
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: directory).count == 2, "nothing is left over")
    }
}
