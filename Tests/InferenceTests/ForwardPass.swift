import TestSupport

@testable import Inference

/// One window through a model, with intermediate values of the stages.
struct ForwardPass {
    private(set) var stages: [AST.Stage: [Float]] = [:]
    private(set) var logits: [Float]

    init(_ network: TestNetwork, _ features: [Float]) {
        logits = [Float](repeating: .nan, count: network.config.labels.count)
        var stages: [AST.Stage: [Float]] = [:]
        withoutActuallyEscaping({ stages[$0] = Array($1) }) { record in
            network.engine.probe = record
            features.withUnsafeBufferPointer { features in
                logits.withUnsafeMutableBufferPointer { network.classify(features, logits: $0) }
            }
            network.engine.probe = nil
        }
        self.stages = stages
    }

    /// The logits alone, computed as in the daemon: without a probe there are fewer barriers.
    static func logits(_ network: TestNetwork, _ features: [Float]) -> [Float] {
        var logits = [Float](repeating: .nan, count: network.config.labels.count)
        features.withUnsafeBufferPointer { features in
            logits.withUnsafeMutableBufferPointer { network.classify(features, logits: $0) }
        }
        return logits
    }
}

extension Golden.Case {
    func network(threads: Int) throws -> TestNetwork {
        try TestNetwork(directory: Golden.path(model), adapter: adapter.map(Golden.path), threads: threads)
    }

    func referenceFeatures() throws -> [Float] { try ArrayFile(golden: features).floats("features") }
}

/// The error of loading a model; `nil` when it loads.
func loadingError(_ directory: String, adapter: String? = nil) -> ModelError? {
    do throws(ModelError) {
        _ = try TestNetwork(directory: directory, adapter: adapter, threads: 1)
        return nil
    } catch {
        return error
    }
}
