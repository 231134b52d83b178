import Foundation
import TestSupport
import Testing

@testable import Inference

@Suite struct PrecisionCheckTests {
    private static let layer = "audio_spectrogram_transformer.encoder.layer.0.attention."

    /// A copy of the golden model that computes the same in fp32: rows of the value projection times
    /// `exp(sigma z)`, and the columns of the output projection that read them divided by it.
    private func outlying(_ sigma: Float, in folder: TestFolder) throws -> String {
        let model = try folder.copy(Golden.path("models/stride10"), to: "outlying-\(sigma)")
        let path = model + "/model.safetensors"
        let file = try ArrayFile(path: path)
        var bytes = try TestFolder.bytes(of: path)
        func edit(_ tensor: String, _ change: (_ index: Int, _ value: Float) -> Float) throws {
            let range = try file.byteRange(tensor)
            for (index, at) in stride(from: range.lowerBound, to: range.upperBound, by: 4).enumerated() {
                let bits = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[at + $1]) << (8 * UInt32($1)) }
                let changed = change(index, Float(bitPattern: bits)).bitPattern
                for byte in 0..<4 {
                    bytes[at + byte] = UInt8(truncatingIfNeeded: changed >> (8 * UInt32(byte)))
                }
            }
        }
        var random = SeededGenerator(seed: 3)
        let factors = random.floats(32, in: -2...2).map { exp(sigma * $0) }
        try edit(Self.layer + "attention.value.weight") { $1 * factors[$0 / 32] }
        try edit(Self.layer + "attention.value.bias") { $1 * factors[$0] }
        try edit(Self.layer + "output.dense.weight") { $1 / factors[$0 % 32] }
        try folder.write(bytes, to: "outlying-\(sigma)/model.safetensors")
        return model
    }

    private func base(_ model: String, cache: String? = nil, checks: Bool = true) throws -> BaseModel {
        try BaseModel(
            directory: model, precision: .int8, cache: cache.map { PackedCache(directory: $0) },
            checkThreads: checks ? 1 : nil)
    }

    @Test func `A checkpoint with outlying channels is computed in fp32, with the reason`() throws {
        let folder = try TestFolder()
        let model = try outlying(3, in: folder)
        let base = try base(model)
        let fallback = try #require(base.network.fallback)
        #expect(base.network.precision == .fp32)
        #expect(fallback.error > PrecisionCheck.limit)
        #expect(fallback.message.contains("computing in fp32"))
        let features = [Float](repeating: 0.25, count: 96 * 128)
        let engine = try Engine(threads: 1)
        engine.prepare(for: [base.network])
        var logits = [Float](repeating: .nan, count: base.network.config.labels.count)
        features.withUnsafeBufferPointer { features in
            logits.withUnsafeMutableBufferPointer { engine.classify(base.network, features, logits: $0) }
        }
        let exact = ForwardPass.logits(try TestNetwork(directory: model, threads: 1), features)
        #expect(logits == exact)
    }

    @Test func `Without a check int8 is used as requested`() throws {
        let folder = try TestFolder()
        let network = try base(try outlying(3, in: folder), checks: false).network
        #expect(network.precision == .int8)
        #expect(network.fallback == nil)
    }

    @Test(arguments: [nil, "adapters/all-linear", "adapters/large-alpha"])
    func `Networks with a small error in int8 stay in int8`(adapter: String?) throws {
        let base = try base(Golden.path("models/stride10"))
        let network =
            try adapter.map { try base.adapted(by: try LoRAAdapter(directory: Golden.path($0))) }
            ?? base.network
        #expect(network.fallback == nil)
        #expect(network.precision == .int8)
    }

    @Test func `A result is stored, but not used for other weights`() throws {
        let folder = try TestFolder()
        let cache = folder.path + "/cache"
        func numbers() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasSuffix(".number") }
        }
        let model = try outlying(3, in: folder)
        let first = try #require(try base(model, cache: cache).network.fallback)
        let file = try #require(try numbers().first)
        // A stored result is used without a new check, so a changed one has an effect.
        try folder.write(Array(String(Float(0.5).bitPattern, radix: 16).utf8), to: "cache/\(file)")
        let second = try #require(try base(model, cache: cache).network.fallback)
        #expect(first.error != 0.5)
        #expect(second.error == 0.5)
        #expect(try base(try outlying(0.1, in: folder), cache: cache).network.fallback == nil)
        #expect(try numbers().count == 2)
        try folder.write(Array("not a number".utf8), to: "cache/\(file)")
        let third = try #require(try base(model, cache: cache).network.fallback)
        #expect(third.error == first.error)
    }

    @Test func `Queries and keys of a layer with widely spread scores stay in fp32`() throws {
        let checkpoint = try Checkpoint(
            path: Golden.path("models/stride10/model.safetensors"), precision: .int8)
        let usual = try ScoreSpread(Weights(checkpoint), Self.layer, heads: 2)
        #expect(!usual.isSharp)
        #expect(abs(usual.deviation - 2.48) < 0.01, "computed with numpy: \(usual.deviation)")
        let adapter = try LoRAAdapter(directory: Golden.path("adapters/large-alpha"))
        let merge = try Merge(adapter, into: checkpoint)
        let spread = try ScoreSpread(merge.weights, Self.layer, heads: 2)
        #expect(spread.isSharp)
        #expect(abs(spread.deviation - 18.27) < 0.01, "computed with numpy: \(spread.deviation)")
        #expect(try merge.weights.isAttentionSharp(Self.layer, heads: 2))
        #expect(try !Weights(checkpoint).isAttentionSharp(Self.layer, heads: 2))
    }

    @Test func `Weights that a pair limit would round too coarsely get kernels without it`() throws {
        let gemm = try #require(QuantizedGEMM(named: "plainpairs"))
        #expect(gemm.hasPairLimit)
        func suited(_ weights: [Float]) throws -> QuantizedGEMM {
            var weights = weights
            let shape = [weights.count / 64, 64]
            return try weights.withUnsafeMutableBufferPointer {
                gemm.suited(to: Tensor(pointer: try #require($0.baseAddress), shape: shape), nil)
            }
        }
        let flat = [Float](repeating: 1, count: 1 << 15)
        #expect(try suited(flat).name == "plain", "a pair of the largest weights needs steps twice as wide")
        let alternating = flat.indices.map { $0 % 2 == 0 ? Float(1) : -1 }
        #expect(try suited(alternating).name == "plainpairs", "products of opposite signs cancel")
        #expect(try suited(alternating.map { _ in Float.nan }).name == "plainpairs")
        #expect(try suited([1, -1] + [Float](repeating: 0, count: 62)).name == "plain", "small")
    }
}
