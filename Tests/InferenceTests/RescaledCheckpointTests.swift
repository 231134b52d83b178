import TestSupport
import Testing

@testable import Inference
import Glibc

/// Checkpoints that compute the same as a golden model in fp32, although channels are scaled by large factors
/// where they are produced and by the reciprocals where they are read.
@Suite struct RescaledCheckpointTests {
    enum Place: String, CaseIterable {
        case values, queries, norms
    }

    /// - Parameter prefix: The adapter that is to get the same factors.
    private func model(
        _ place: Place, _ sigma: Float, prefix: inout AdapterEdit, in folder: TestFolder
    ) throws -> String {
        let model = try RescaledModel(copying: "models/stride10", to: "\(place)-\(sigma)", in: folder)
        let width = 32
        var random = SeededGenerator(seed: 3)
        for index in 0..<2 {
            let layer = "audio_spectrogram_transformer.encoder.layer.\(index)."
            let attention = layer + "attention.attention."
            let factors = random.floats(width, in: -2...2).map { exp(sigma * $0) }
            func scale(outputsOf module: String) throws {
                try model.edit(module + ".weight") { $1 * factors[$0 / width] }
                try model.edit(module + ".bias") { $1 * factors[$0] }
            }
            func divide(inputsOf module: String) throws {
                try model.edit(module + ".weight") { $1 / factors[$0 % width] }
            }
            switch place {
            case .values:
                prefix.change("base_model.model." + attention + "value_tokens") { values in
                    for index in values.indices { values[index] *= factors[index % width] }
                }
                try scale(outputsOf: attention + "value")
                try divide(inputsOf: layer + "attention.output.dense")
            case .queries:
                prefix.change("base_model.model." + attention + "key_tokens") { values in
                    for index in values.indices { values[index] /= factors[index % width] }
                }
                try scale(outputsOf: attention + "query")
                try model.edit(attention + "key.weight") { $1 / factors[$0 / width] }
                try model.edit(attention + "key.bias") { $1 / factors[$0] }
            case .norms:
                for (norm, readers) in [
                    ("layernorm_before", ["query", "key", "value"].map { attention + $0 }),
                    ("layernorm_after", [layer + "intermediate.dense"]),
                ] {
                    for part in [".weight", ".bias"] {
                        try model.edit(layer + norm + part) { $1 * factors[$0] }
                    }
                    for reader in readers { try divide(inputsOf: reader) }
                }
            }
        }
        return model.path
    }

    /// Relative error of the logits in int8, over several windows: those of one may happen to be small.
    private func error(of model: String, adapter: String? = nil) throws -> Float {
        func logits(_ precision: Precision) throws -> [Float] {
            let base = try BaseModel(directory: model, precision: precision)
            let network =
                try adapter.map { try base.adapted(by: try Adapter(directory: $0)) }
                ?? base.network
            let engine = try Engine(threads: 1)
            engine.prepare(for: [network])
            return ProbeWindows.allCases.flatMap { window in
                var logits = [Float](repeating: .nan, count: network.config.labels.count)
                window.features(network.config.features).withUnsafeBufferPointer { features in
                    logits.withUnsafeMutableBufferPointer { engine.classify(network, features, logits: $0) }
                }
                return logits
            }
        }
        let exact = try logits(.fp32)
        let differences = zip(try logits(.int8), exact).map { $0 - $1 }
        func size(_ values: [Float]) -> Float { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        return size(differences) / size(exact)
    }

    @Test(arguments: Place.allCases, [1, 2, 3] as [Float])
    func `int8 is as exact as for the original`(place: Place, sigma: Float) throws {
        let folder = try TestFolder()
        let original = try error(of: Golden.path("models/stride10"))
        let golden = Golden.path("adapters/petl-method-prefix")
        let adapter = try folder.copy(golden, to: "adapter")
        // It states the original's, from which the rescaled base differs.
        try ConfigEdit.set("base_model_sha256", to: nil, in: adapter, file: "adapter_config.json")
        var prefix = try AdapterEdit(reading: golden)
        let path = try model(place, sigma, prefix: &prefix, in: folder)
        try folder.remove("adapter/" + AdapterEdit.file)
        try prefix.write(to: "adapter", in: folder)
        let rescaled = try error(of: path)
        #expect(original < 0.03)
        #expect(rescaled < 0.04, "instead of \(original)")
        let adapted = try error(of: Golden.path("models/stride10"), adapter: golden)
        #expect(adapted < 0.03)
        let both = try error(of: path, adapter: adapter)
        #expect(both < 0.04, "with prefixes, instead of \(adapted)")
    }

    /// The adapter's matrices are smoothed like those of the base that it leaves alone.
    @Test(arguments: ["adapters/all-linear", "adapters/modern-qv"])
    func `Smoothing does not change what an adapter computes`(adapter: String) throws {
        #expect(
            try error(of: Golden.path("models/stride10"), adapter: Golden.path(adapter)) < 0.05)
    }
}
