@testable import Inference

/// A network with its own engine.
final class TestNetwork {
    let network: AST
    let engine: Engine
    var config: ModelConfig { network.config }
    var merged: MergeReport? { network.merged }
    var threads: Int { engine.threads }

    init(directory: String, adapter: String? = nil, threads: Int) throws(ModelError) {
        let base = try BaseModel(directory: directory)
        if let adapter {
            network = try base.adapted(by: try Adapter(directory: adapter))
        } else {
            network = base.network
        }
        engine = try Engine(threads: threads)
        engine.prepare(for: [network])
    }

    func classify(_ features: UnsafeBufferPointer<Float>, logits: UnsafeMutableBufferPointer<Float>) {
        engine.classify(network, features, logits: logits)
    }
}
