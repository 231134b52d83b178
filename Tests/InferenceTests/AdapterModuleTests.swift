import TestSupport
import Testing

@testable import Inference

/// Adapters with modules in the layers. Their logits are compared with PETL_AST's own in `ForwardPassTests`.
@Suite struct AdapterModuleTests {
    private static let model = Golden.path("models/stride10")
    /// One of each place and kind.
    static let some = [
        "bottleneck-houlsby-par-residual", "conformer-houlsby-par", "conformer-houlsby-seq",
        "conformer-seq-residual", "ablation-mhsa-seq-before", "ablation-ffn-seq-before-mixed",
        "ablation-mhsa-seq-before-rows", "dense-mhsa", "dense-houlsby", "soft-mhsa-slots-normalized",
        "soft-ffn", "soft-houlsby-normalized",
    ].map { "petl-module-" + $0 }

    private static func windows() throws -> [[Float]] {
        try ["speech", "short", "dc-sweep"].map {
            try ArrayFile(golden: "reference/features/128x96/\($0).safetensors").floats("features")
        }
    }

    private static func network(_ adapter: String, _ precision: Precision) throws -> AST {
        try BaseModel(directory: model, precision: precision)
            .adapted(by: try Adapter(directory: Golden.path("adapters/\(adapter)")))
    }

    private static func logits(_ network: AST, threads: Int) throws -> [[Float]] {
        let engine = try Engine(threads: threads)
        engine.prepare(for: [network])
        return try windows().map { window in
            var logits = [Float](repeating: .nan, count: network.config.labels.count)
            window.withUnsafeBufferPointer { window in
                logits.withUnsafeMutableBufferPointer { engine.classify(network, window, logits: $0) }
            }
            return logits
        }
    }

    @Test(arguments: [Precision.int8, .bf16].filter { $0 == .int8 || QuantizedGEMM($0) != nil }, some)
    func `Scores have the same bits with any number of threads`(
        precision: Precision, adapter: String
    ) throws {
        let network = try Self.network(adapter, precision)
        let expected = try Self.logits(network, threads: 1)
        for threads in [2, 3, 7, 16] {
            #expect(try Self.logits(network, threads: threads) == expected, "\(threads) threads")
        }
    }

    @Test(arguments: some)
    func `In fp32 the number of threads changes only last bits`(adapter: String) throws {
        let network = try Self.network(adapter, .fp32)
        let expected = try Self.logits(network, threads: 1)
        for threads in [2, 5, 16] {
            let found = try Self.logits(network, threads: threads)
            #expect(largestDifference(found.joined(), expected.joined()) < 5e-6)
        }
    }

    @Test(arguments: some)
    func `int8 is nearly as exact as without an adapter`(adapter: String) throws {
        let exact = try Self.logits(try Self.network(adapter, .fp32), threads: 2).joined()
        let rounded = try Self.logits(try Self.network(adapter, .int8), threads: 2).joined()
        let size = exact.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let error = zip(exact, rounded).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
        #expect(error / size < 0.06)
    }

    @Test func `The base and other adapters are not affected by a module's memory`() throws {
        let base = try BaseModel(directory: Self.model, precision: .int8)
        let adapters = try Self.some.map {
            try base.adapted(by: try Adapter(directory: Golden.path("adapters/\($0)")))
        }
        let window = try #require(try Self.windows().first)
        func logits(_ engine: Engine, _ network: AST) -> [Float] {
            var logits = [Float](repeating: .nan, count: network.config.labels.count)
            window.withUnsafeBufferPointer { window in
                logits.withUnsafeMutableBufferPointer { engine.classify(network, window, logits: $0) }
            }
            return logits
        }
        let networks = [base.network] + adapters
        let alone = try networks.map { network in
            let engine = try Engine(threads: 2)
            engine.prepare(for: [network])
            return logits(engine, network)
        }
        let engine = try Engine(threads: 2)
        engine.prepare(for: networks)
        for _ in 0..<3 {
            for (network, expected) in zip(networks, alone) { #expect(logits(engine, network) == expected) }
        }
    }
}
