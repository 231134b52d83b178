import Foundation
import TestSupport
import Testing

@testable import Inference

@Suite struct PrecisionCheckTests {
    private static let layer = "audio_spectrogram_transformer.encoder.layer.0.attention."

    /// A copy of the golden model with an outlying channel in the first MLP: a bias of `size` before GELU,
    /// which the bias of the next matrix takes back. In fp32 it computes nearly the same with any size from
    /// 10 on.
    private func outlying(_ size: Float, in folder: TestFolder) throws -> String {
        let model = try RescaledModel(copying: "models/stride10", to: "outlying-\(size)", in: folder)
        let layer = "audio_spectrogram_transformer.encoder.layer.0."
        let column = try model.floats(layer + "output.dense.weight").enumerated()
            .filter { $0.offset % 64 == 5 }.map(\.element)
        try model.edit(layer + "intermediate.dense.bias") { $0 == 5 ? size : $1 }
        try model.edit(layer + "output.dense.bias") { $1 - size * column[$0] }
        return model.path
    }

    private func base(_ model: String, cache: String? = nil, checks: Bool = true) throws -> BaseModel {
        try BaseModel(
            directory: model, precision: .int8, cache: cache.map { PackedCache(directory: $0) },
            checkThreads: checks ? 1 : nil)
    }

    @Test func `A checkpoint with outlying channels is computed in fp32, with the reason`() throws {
        let folder = try TestFolder()
        let model = try outlying(3000, in: folder)
        let base = try base(model)
        let fallback = try #require(base.network.fallback)
        #expect(base.network.precision == .fp32)
        #expect(!fallback.comparison.holds)
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
        let network = try base(try outlying(3000, in: folder), checks: false).network
        #expect(network.precision == .int8)
        #expect(network.fallback == nil)
    }

    @Test(arguments: [nil, "adapters/all-linear", "adapters/modern-qv"])
    func `Networks with a small error in int8 stay in int8`(adapter: String?) throws {
        let base = try base(Golden.path("models/stride10"))
        let network =
            try adapter.map { try base.adapted(by: try Adapter(directory: Golden.path($0))) }
            ?? base.network
        #expect(network.fallback == nil)
        #expect(network.precision == .int8)
    }

    /// Scores of this adapter spread so widely that its error is several times the base's, and with some
    /// instructions above 10 %.
    @Test func `An adapter that raises the base's error is computed in fp32`() throws {
        let base = try base(Golden.path("models/stride10"))
        let network = try base.adapted(by: try Adapter(directory: Golden.path("adapters/large-alpha")))
        let comparison = try #require(network.comparison)
        #expect((0.03...0.12).contains(comparison.relativeError), "\(comparison)")
        #expect(comparison.basePooledError == base.network.comparison?.pooledError)
        #expect(comparison.pooledError > comparison.pooledLimit ?? .infinity, "\(comparison)")
        #expect(network.precision == .fp32)
        #expect(network.fallback?.message.contains(" times the base's (limit 1.25)") == true)
    }

    /// Modules that mix tokens know their number.
    @Test(
        arguments: [Precision.fp32, .int8],
        [nil, "soft-houlsby-normalized", "conformer-houlsby-par", "ablation-ffn-seq-before-mixed"])
    func `A shortened network is that of a model with shorter windows`(
        precision: Precision, module: String?
    ) throws {
        // 12 rows of 9 patches become 12 rows of 5.
        let (hidden, rows, patches, kept, frames) = (32, 12, 9, 5, 56)
        var file = try TensorFile(model: "stride10")
        let name = "audio_spectrogram_transformer.embeddings.position_embeddings"
        let positions = try #require(file.tensors[name]?.values)
        let starts = [0] + (0..<rows).map { 2 + $0 * patches }
        let pieces = starts.map { positions[($0 * hidden)..<(($0 + ($0 == 0 ? 2 : kept)) * hidden)] }
        file.tensors[name] = ([1, 2 + rows * kept, hidden], Array(pieces.joined()))
        let edited = try EditedModel()
        try edited.write(file.bytes(), to: "model.safetensors")
        for config in ["config.json", "preprocessor_config.json"] {
            try ConfigEdit.set("max_length", to: .number(Double(frames)), in: edited.path, file: config)
        }
        func logits(_ network: AST) throws -> [Float] {
            var random = SeededGenerator(seed: 5)
            let features = random.floats(frames * 128, in: -1...1)
            let engine = try Engine(threads: 2)
            engine.prepare(for: [network])
            var logits = [Float](repeating: .nan, count: network.config.labels.count)
            features.withUnsafeBufferPointer { features in
                logits.withUnsafeMutableBufferPointer { engine.classify(network, features, logits: $0) }
            }
            return logits
        }
        func network(_ model: String, frames: Int? = nil) throws -> AST {
            let base = try BaseModel(directory: model, precision: precision)
            guard let module else { return base.network }
            let copy = try edited.folder.copy(
                Golden.path("adapters/petl-module-\(module)"), to: "adapter-\(frames ?? 0)")
            if let frames {
                try ConfigEdit.set("max_length", to: .number(Double(frames)), in: copy, file: "config.json")
            }
            return try base.adapted(by: try Adapter(directory: copy))
        }
        let whole = try network(Golden.path("models/stride10"))
        let short = try network(edited.path, frames: frames)
        #expect(try logits(AST(whole, frames: frames)) == logits(short))
    }

    @Test func `A result is stored, but not used for other weights`() throws {
        let folder = try TestFolder()
        let cache = folder.path + "/cache"
        func numbers() throws -> [String] {
            try FileManager.default.contentsOfDirectory(atPath: cache).filter { $0.hasSuffix(".number") }
        }
        let model = try outlying(3000, in: folder)
        let first = try #require(try base(model, cache: cache).network.comparison)
        let file = try #require(try numbers().first)
        // A stored result is used without a new check, so a changed one has an effect.
        let stored = [Float(0.5), 7, 3, 0.25].map { String($0.bitPattern, radix: 16) }.joined(separator: " ")
        try folder.write(Array(stored.utf8), to: "cache/\(file)")
        let second = try #require(try base(model, cache: cache).network.fallback?.comparison)
        #expect(second != first)
        #expect(
            second
                == PrecisionComparison(
                    relativeError: 0.5, largestDifference: 7, largestLogit: 3, pooledError: 0.25))
        #expect(try base(try outlying(10, in: folder), cache: cache).network.fallback == nil)
        #expect(try numbers().count == 2)
        for damaged in ["not a number", "", "3f000000", stored + " x"] {
            try folder.write(Array(damaged.utf8), to: "cache/\(file)")
            #expect(try base(model, cache: cache).network.comparison == first, "\(damaged)")
        }
    }

    @Test func `int8 is refused above either limit, and when it overflows`() {
        func holds(_ relative: Float, _ difference: Float, _ logit: Float) -> Bool {
            PrecisionComparison(
                relativeError: relative, largestDifference: difference, largestLogit: logit, pooledError: 1
            ).holds
        }
        #expect(holds(0.1, 0.5, 5))
        #expect(!holds(0.11, 0.1, 5))
        #expect(!holds(0.05, 0.51, 5))
        #expect(holds(0.05, 0.99, 20), "a twentieth of the largest logit")
        #expect(!holds(.nan, 0, 5) && !holds(0, .nan, 5) && !holds(0, .infinity, 5))
    }

    @Test func `An adapter may raise the base's error by a quarter`() {
        func holds(_ pooled: Float, base: Float, relative: Float = 0.05) -> Bool {
            PrecisionComparison(
                relativeError: relative, largestDifference: 0, largestLogit: 5, pooledError: pooled,
                basePooledError: base
            ).holds
        }
        #expect(holds(0.049, base: 0.04) && !holds(0.051, base: 0.04))
        #expect(!holds(.nan, base: 0.04) && !holds(0.05, base: 0))
        #expect(holds(0.05, base: 0.01, relative: 0.025) && !holds(0.05, base: 0.01, relative: 0.026))
    }

    @Test func `The built-in windows are as a front end computes them`() throws {
        var settings = try FeatureSettings(path: Golden.path("models/stride10/preprocessor_config.json"))
        (settings.mean, settings.standardDeviation) = (-4.27, 4.57)
        for probe in ProbeWindows.allCases {
            let normalised = probe.features(settings)
            settings.normalises = false
            let energies = probe.features(settings)
            settings.normalises = true
            #expect(normalised.count == 96 * 128)
            #expect(energies.allSatisfy { (-15.943...8).contains($0) }, "\(probe)")
            #expect(zip(normalised, energies).allSatisfy { abs($0 * 9.14 - 4.27 - $1) < 1e-4 })
        }
    }

    @Test func `Queries and keys of a layer with widely spread scores stay in fp32`() throws {
        let checkpoint = try Checkpoint(
            path: Golden.path("models/stride10/model.safetensors"), precision: .int8)
        let usual = try ScoreSpread(Weights(checkpoint), Self.layer, heads: 2)
        #expect(!usual.isSharp)
        #expect(abs(usual.deviation - 2.48) < 0.01, "computed with numpy: \(usual.deviation)")
        let adapter = try Adapter(directory: Golden.path("adapters/large-alpha"))
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
