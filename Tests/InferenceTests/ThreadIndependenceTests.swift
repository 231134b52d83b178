import TestSupport
import Testing

@testable import Inference

/// Workers divide the rows of a window; how they do must not be visible in the scores.
@Suite struct ThreadIndependenceTests {
    /// `large-alpha` makes queries and keys of a layer stay in fp32.
    @Test(
        arguments: [Precision.int8, .bf16].filter { $0 == .int8 || QuantizedGEMM($0) != nil },
        [
            nil, "adapters/all-linear", "adapters/large-alpha", "adapters/petl-method-prefix",
            "adapters/petl-method-deep-speech",
        ])
    func `Scores have the same bits with any number of threads`(
        precision: Precision, adapter: String?
    ) throws {
        let base = try BaseModel(directory: Golden.path("models/stride10"), precision: precision)
        let network =
            try adapter.map { try base.adapted(by: try Adapter(directory: Golden.path($0))) }
            ?? base.network
        let windows = try ["speech", "noise", "dc-sweep"].map {
            try ArrayFile(golden: "reference/features/128x96/\($0).safetensors").floats("features")
        }
        func logits(threads: Int) throws -> [[Float]] {
            let engine = try Engine(threads: threads)
            engine.prepare(for: [network])
            return windows.map { window in
                var logits = [Float](repeating: .nan, count: network.config.labels.count)
                window.withUnsafeBufferPointer { window in
                    logits.withUnsafeMutableBufferPointer { engine.classify(network, window, logits: $0) }
                }
                return logits
            }
        }
        let expected = try logits(threads: 1)
        for threads in [2, 3, 4, 7, 16] { #expect(try logits(threads: threads) == expected) }
    }

    @Test(arguments: [1, 5, 6, 24, 29, 48])
    func `The fp32 GEMM gives a row the same bits among any other rows`(rows: Int) {
        let gemm = FloatGEMM.byRows
        let (inputs, outputs) = (100, 75)
        var random = SeededGenerator(seed: 5)
        let x = random.floats(48 * inputs, in: -1...1)
        let w = random.floats(outputs * inputs, in: -1...1)
        let scratch = UnsafeMutablePointer<Float>.allocate(capacity: gemm.scratchFloats)
        defer { scratch.deallocate() }
        func product(_ first: Int, _ count: Int) -> [Float] {
            var y = [Float](repeating: .nan, count: count * outputs)
            x.withUnsafeBufferPointer {
                guard let start = $0.baseAddress else { return }
                gemm.multiply(
                    start + first * inputs, rows: count, w, outputs: outputs, inputs: inputs, bias: nil,
                    into: &y, then: .store, scratch: scratch)
            }
            return y
        }
        let whole = product(0, 48)
        for first in stride(from: 0, through: 48 - rows, by: 7) {
            #expect(product(first, rows) == Array(whole[first * outputs..<(first + rows) * outputs]))
        }
    }
}
