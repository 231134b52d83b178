import TestSupport
import Testing

@testable import Inference

@Suite struct NaiveASTTests {
    @Test(
        arguments: ["odd", "single-label", "no-qkv-bias"],
        ModelConfig.Pooling.allCases.filter { $0.exists(with: 0) })
    func `Computing only the pooled tokens in the last layer gives the same result`(
        model: String, pooling: ModelConfig.Pooling
    ) throws {
        let folder = try TestFolder()
        let directory = try folder.copy(Golden.path("models/\(model)"), to: "model")
        try ConfigEdit.set("pooling", to: .text(pooling.rawValue), in: directory)
        let network = try TestNetwork(directory: directory, threads: 2)
        let dimensions = network.config.dimensions
        var random = SeededGenerator(seed: 11)
        let features = random.floats(dimensions.frames * dimensions.melBins, in: -1.5...1.5)

        let naive = NaiveAST(
            weights: try ArrayFile(path: directory + "/model.safetensors"), dimensions: dimensions)
        let pooled = try naive.pooled(try naive.tokens(features), pooling)
        let logits = try naive.logits(pooled: pooled)

        let pass = ForwardPass(network, features)
        #expect(largestDifference(try #require(pass.stages[.pooled]), pooled) < 2e-5)
        #expect(largestDifference(pass.logits, logits) < 2e-5)
        #expect(largestDifference(ForwardPass.logits(network, features), logits) < 2e-5, "without a probe")
    }
}
